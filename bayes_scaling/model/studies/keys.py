"""The keys of a model file, as records that pydantic fills: what may stand where, and of which type."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.conventions import Conventions
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.curve import Average, Curve, Tail
from bayes_scaling.data.input_column import Input
from bayes_scaling.data.measurement_error import MeasurementError
from bayes_scaling.data.response import Response
from bayes_scaling.data.schedule_columns import Schedule
from bayes_scaling.laws.library import LAWS
from bayes_scaling.model.discrepancy import Discrepancy
from bayes_scaling.model.joint_prior import JointPrior
from bayes_scaling.model.noise import Correlation, Noise, Outliers, ResidualCorrelation
from bayes_scaling.model.parameters import ByLevel, Ordered, Smooth, Trend, Varying
from bayes_scaling.model.priors import Prior
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.studies.study import Sheet


@dataclass(frozen=True)
class LawKeys:
    """The law: one of the library by name, or a text.

    Parameters
    ----------
    name
        Of a law of the library, as "chinchilla".
    text
        An equation such as "E + A * params**-alpha": inputs are those of `[data.inputs]`, all other names are parameters. Lines
        before it may name parts of it, as "n_eff = params * (1 - exp(-r))"; ref(tokens) is the reference of an input.
    priors
        For a law of the library, where parameters have no priors of their own: "published" for those of papers, "public_sweeps"
        for parameters, noise and discrepancy as public sweeps of training runs suggest them.
    """

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
    """A parameter of the law: link(parameter) = link(prior) + varying + ... + smooth + ordered + trend.

    Parameters
    ----------
    prior
        May be left out where `law.priors` gives one.
    varying
        Terms by which it differs between levels of groups.
    smooth
        Terms by which it differs smoothly along groups whose levels are numbers.
    ordered
        Terms by which it grows or falls along groups whose levels are in a known order.
    by_level
        Priors of their own for the levels of a group, with which nothing is pooled.
    trend
        Terms by which it drifts with the logarithm of inputs.
    """

    prior: Prior | None = None
    varying: tuple[Varying, ...] = ()
    smooth: tuple[Smooth, ...] = ()
    ordered: tuple[Ordered, ...] = ()
    by_level: tuple[ByLevel, ...] = ()
    trend: tuple[Trend, ...] = ()


@dataclass(frozen=True)
class DataKeys(Columns):
    """The table, and what its columns are for.

    Parameters
    ----------
    source
        Name of a bundled dataset, or path of a file, from the model file on; left out where a study has no runs of its own.
    """

    source: str | None = None


@dataclass(frozen=True)
class NoiseKeys(Noise):
    """How runs scatter about the law.

    Parameters
    ----------
    sd
        Prior of the scale of the scatter.
    sd_varying
        Terms by which the scale differs between levels of groups.
    sd_smooth
        Terms by which the scale differs smoothly along groups whose levels are numbers.
    sd_ordered
        Terms by which the scale grows or falls along groups whose levels are in a known order.
    sd_by_level
        Priors of their own for the scale at the levels of a group, with which nothing is pooled.
    sd_trend
        Terms by which the scale drifts with the logarithm of inputs.
    effects
        Group effects: shared by all rows of a level, on the scale of the noise; a new run draws its own.
    smooth
        Group effects that are alike for neighbouring levels of a group whose levels are numbers.
    """

    sd: Prior | None = None  # type: ignore[assignment]
    sd_varying: tuple[Varying, ...] = ()
    sd_smooth: tuple[Smooth, ...] = ()
    sd_ordered: tuple[Ordered, ...] = ()
    sd_by_level: tuple[ByLevel, ...] = ()
    sd_trend: tuple[Trend, ...] = ()
    effects: tuple[Varying, ...] = ()
    smooth: tuple[Smooth, ...] = ()

    def __post_init__(self) -> None:
        """Leave what the library is to fill in to the reader."""
        if self.sd is not None:
            super().__post_init__()


@dataclass(frozen=True)
class JointPriorKeys:
    """A prior of several parameters together: log theta ~ t_nu(log median, S R S), S = diag(log(factor) / 1.645).

    Parameters
    ----------
    parameters
        Names of positive parameters: of the law, `noise_sd`, or the draws of a discrepancy, as `discrepancy_amplitude` and
        `discrepancy_length_params`.
    median, factor
        Of each; left out where every parameter has a prior of its own, with which they agree otherwise.
    correlation
        Of the logarithms: a row for each parameter, in full or as far as the diagonal.
    nu
        Degrees of freedom, above 2; left out for a normal distribution.
    """

    parameters: tuple[str, ...]
    correlation: tuple[tuple[float, ...], ...]
    median: tuple[float, ...] | None = None
    factor: tuple[float, ...] | None = None
    nu: float | None = None

    def __post_init__(self) -> None:
        if (self.median is None) != (self.factor is None):
            raise InputError("give both the median and the factor of a joint prior, or neither")
        if self.median is not None and self.factor is not None:
            JointPrior(self.parameters, self.median, self.factor, self.correlation, self.nu)


@dataclass(frozen=True)
class StackKeys:
    """One of several models that are fitted together: what it does not say is as in the rest of the file.

    Parameters
    ----------
    name
        What it is called among the others.
    weight
        Its weight before the runs have been seen, beside those of the others; the centre of a Dirichlet prior.
    law
        Its law. Parameters of the rest of the file are then not those of this law.
    parameters
        Name in the law -> its prior, and terms by which it varies or drifts, in place of what the rest of the file says of it.
    noise
        How runs scatter about this law.
    discrepancy
        Smooth functions by which the truth may leave this law; [] for none.
    joint_prior
        Priors of several of its parameters together; [] for none. Those of the rest of the file are not those of another law.
    """

    name: str
    weight: float = 1.0
    law: LawKeys | None = None
    parameters: Mapping[str, ParameterKeys] = field(default_factory=dict)
    noise: NoiseKeys | None = None
    discrepancy: tuple[Discrepancy, ...] | None = None
    joint_prior: tuple[JointPriorKeys, ...] | None = None


@dataclass(frozen=True)
class StudyKeys:
    """A model file: one study.

    Parameters
    ----------
    data
        The table, and what its columns are for.
    law
        What the expected loss is, as a function of the inputs.
    noise
        How runs scatter about the law; may be left out where `law.priors` gives it.
    parameters
        Name in the law -> its prior, and terms by which it varies or drifts.
    discrepancy
        Smooth functions of the inputs by which the truth may leave the law; [] for none.
    joint_prior
        Priors of several parameters together; [] for independent ones where `law.priors` has a joint one.
    stack
        Models that are fitted together, two or more, weighted by how well each predicts larger runs from smaller ones.
    kinds
        Kind of runs -> name in the law -> its prior, in place of that of the file: read as "NAME:KIND".
    title
        One line, shown by `bayes-scaling models`.
    description
        Where the study is from and what it shows, for readers of the file.
    figure
        Layout of the main figure.
    sampling
        How to sample, where the defaults do not serve.
    """

    data: DataKeys
    law: LawKeys
    noise: NoiseKeys | None = None
    parameters: Mapping[str, ParameterKeys] = field(default_factory=dict)
    discrepancy: tuple[Discrepancy, ...] | None = None
    joint_prior: tuple[JointPriorKeys, ...] | None = None
    stack: tuple[StackKeys, ...] = ()
    kinds: Mapping[str, Mapping[str, ParameterKeys]] = field(default_factory=dict)
    title: str = ""
    description: str = field(default="")
    figure: Sheet | None = None
    sampling: Settings = Settings()


_NOISE = (NoiseKeys, Noise, Correlation, Outliers, ResidualCorrelation)
_DATA = (DataKeys, Columns, Input, Response, MeasurementError, Average, Curve, Tail, Schedule, Conventions, Cost)
_MODEL = (
    StudyKeys,
    StackKeys,
    LawKeys,
    ParameterKeys,
    JointPriorKeys,
    Prior,
    Varying,
    Smooth,
    Ordered,
    ByLevel,
    Trend,
    Discrepancy,
)
for _record in (*_MODEL, Sheet, Settings, *_DATA, *_NOISE):
    setattr(_record, "__pydantic_config__", {"extra": "forbid"})  # noqa: B010
