"""Earlier names of fields, attributes and arguments work, and say what to write instead."""

from dataclasses import dataclass

import pytest

import bayes_scaling as bs
from bayes_scaling._base.deprecation import renamed_argument, renamed_field, renamed_property
from bayes_scaling.decisions.multiverse import Multiverse
from bayes_scaling.decisions.ranking import Ranking
from bayes_scaling.prediction.forecast import Forecast

EARLIER = {
    (Ranking, "multiplier"): "compute_ratio",
    (Forecast, "surprise"): "tail_probability",
    (Forecast, "unlike"): "outlier",
    (Multiverse, "choices"): "variants",
}


@renamed_field("old", "new")
@dataclass(frozen=True)
class Record:
    """A record with a field of another name before."""

    new: int
    earliest = renamed_property("Record", "earliest", "new")


@renamed_argument("old", "new")
def double(new: int) -> int:
    """Return twice a number."""
    return 2 * new


def test_a_field_is_given_and_read_by_its_earlier_name() -> None:
    with pytest.warns(DeprecationWarning, match=r"^Record\(old=...\) is deprecated: use new$"):
        record = Record(old=1)  # type: ignore[call-arg]
    with pytest.warns(DeprecationWarning, match=r"^Record.old is deprecated: use new$") as warned:
        assert record.old == record.new == 1  # type: ignore[attr-defined]
    assert warned[0].filename == __file__
    with pytest.warns(DeprecationWarning, match=r"^Record.earliest is deprecated: use new$"):
        assert record.earliest == 1


def test_an_argument_is_given_by_its_earlier_name() -> None:
    with pytest.warns(DeprecationWarning, match=r"^double\(old=...\) is deprecated: use new$") as warned:
        assert double(old=2) == 4  # type: ignore[call-arg]
    assert warned[0].filename == __file__
    assert double(2) == double(new=2) == 4


@pytest.mark.parametrize(("record", "old"), EARLIER)
def test_an_attribute_of_a_record_is_read_by_its_earlier_name(record: type, old: str) -> None:
    new = EARLIER[record, old]

    class Known(record):  # type: ignore[misc]
        def __init__(self) -> None:
            self.__dict__[new] = "known"

    Known.__name__ = record.__name__
    if isinstance(getattr(record, new, None), property):
        setattr(Known, new, property(lambda _: "known"))
    with pytest.warns(DeprecationWarning, match=f"^{record.__name__}.{old} is deprecated: use {new}$"):
        assert getattr(Known(), old) == "known"


def test_a_multiverse_takes_its_earlier_arguments() -> None:
    with pytest.warns(DeprecationWarning, match=r"use variants"), pytest.raises(bs.InputError, match="base cannot be None"):
        bs.multiverse(None, {}, choices={"rows": {"all": None}})  # type: ignore[arg-type, call-arg]
