"""The keys of a model file, as records that pydantic fills: what may stand where, and of which type."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.columns import Average, Columns, Curve, Input, MeasurementError, Response, Schedule
from bayes_scaling.laws.library import LAWS
from bayes_scaling.model.discrepancy import Discrepancy
from bayes_scaling.model.noise import Correlation, Noise
from bayes_scaling.model.parameters import Prior, Trend, Varying
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.studies.study import Sheet


@dataclass(frozen=True)
class LawKeys:
    name: str | None = None
    text: str | None = None
    priors: Literal["published", "public_sweeps"] | None = None

    def __post_init__(self) -> None:
        if (self.name is None) == (self.text is None):
            raise InputError(f"give either the name of a law, one of {sorted(LAWS)}, or its text")
        if self.priors is not None and self.name is None:
            raise InputError(f'priors = "{self.priors}" is for laws of the library, given by name; this one is a text')


@dataclass(frozen=True)
class ParameterKeys:
    prior: Prior | None = None
    varying: tuple[Varying, ...] = ()
    trend: tuple[Trend, ...] = ()


@dataclass(frozen=True)
class DataKeys(Columns):
    source: str | None = None


@dataclass(frozen=True)
class NoiseKeys(Noise):
    sd: Prior | None = None  # type: ignore[assignment]
    sd_varying: tuple[Varying, ...] = ()
    sd_trend: tuple[Trend, ...] = ()

    def __post_init__(self) -> None:
        """Leave what the library is to fill in to `_complete`."""
        if self.sd is not None:
            super().__post_init__()


@dataclass(frozen=True)
class StudyKeys:
    data: DataKeys
    law: LawKeys
    noise: NoiseKeys | None = None
    parameters: Mapping[str, ParameterKeys] = field(default_factory=dict)
    discrepancy: tuple[Discrepancy, ...] | None = None
    title: str = ""
    description: str = field(default="")
    figure: Sheet | None = None
    sampling: Settings = Settings()


_NOISE = (NoiseKeys, Noise, Correlation)
_DATA = (DataKeys, Columns, Input, Response, MeasurementError, Average, Curve, Schedule)
for _record in (StudyKeys, LawKeys, ParameterKeys, Prior, Varying, Trend, Discrepancy, Sheet, Settings, *_DATA, *_NOISE):
    setattr(_record, "__pydantic_config__", {"extra": "forbid"})  # noqa: B010
