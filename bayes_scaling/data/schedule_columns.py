"""The columns of a learning-rate schedule: those that say how it goes, and those that come of it, see `schedules`."""

from dataclasses import dataclass

from bayes_scaling._base import checks

DERIVED = (
    "lr_sum",
    "annealing_area",
    "lr_drop",
    "lr_then",
    "lr_since",
    "lr_fall",
    "lr_weighted",
    "lr_annealed",
    "lr_effective",
    "lr_sudden_pending",
)
"""Columns that a schedule gives."""


STEPLESS = ("lr_fall", "lr_weighted", "lr_annealed", "lr_effective", "lr_sudden_pending")
"""Those that need no steps, only what orders the rows of a run."""


IN_PARTS = ("lr_then", "lr_since")
"""Those with a value for each part of the fall."""


FALL = "lr_fall"
"""An input of this column need not be read by a model: it tells a forecast what schedule finished runs had."""


EFFECTIVE = "lr_effective"
"""A model's terms may be on its logarithm, though it is no size of a run."""


MAY_BE_ZERO = ("annealing_area", "lr_drop", "lr_since")
"""Those that are 0 before the learning rate has fallen."""


NO_SCALE = (*MAY_BE_ZERO, *IN_PARTS, "lr_fall", "lr_annealed", "lr_effective", "lr_sudden_pending")
"""Those whose logarithm does not say how far apart rows are."""


@dataclass(frozen=True)
class Schedule:
    """The columns that say how the learning rate goes along a run.

    From them come the columns `lr_sum`, `annealing_area`, `lr_drop`, `lr_then`, `lr_since`, `lr_fall`, `lr_weighted`,
    `lr_annealed`, `lr_effective` and `lr_sudden_pending`, which inputs and filters may name, see `schedule_inputs`. They are
    computed from all rows of a run, before any filter. So rows without a loss may be there for the schedule only, and
    `where = "loss > 0"` leaves them out afterwards. A sudden drop needs a row at the step before it.

    Parameters
    ----------
    lr
        Column of the learning rate of the step.
    along
        Column of the optimizer step, whole numbers counted from 1. For `lr_fall`, `lr_weighted`, `lr_annealed`,
        `lr_effective` and `lr_sudden_pending` alone any that orders a run, such as tokens.
    momentum
        Factor a step by which an earlier fall counts less in `annealing_area`. Tissue et al. 2024 have .99 to .9995.
    parts
        Number of equal parts that the fall so far is cut into. Twice as many cost twice the time.
    warmup
        Step by which the learning rate had risen, linearly from 0, to that of the first row. None: at the first row.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.data.columns import Schedule
    >>> columns = bs.Columns({"S1": bs.Input("lr_sum")}, run="run", schedule=Schedule(lr="learning_rate"))
    """

    lr: str = "lr"
    along: str = "step"
    momentum: float = 0.999
    parts: int = 16
    warmup: float | None = None

    def __post_init__(self) -> None:
        checks.check(
            self,
            "of a schedule",
            lr=checks.column,
            along=checks.column,
            momentum=checks.within(0, 1),
            parts=checks.integer(1, 256),
        )
        checks.check(self, "of a schedule", warmup=checks.optional(checks.at_least(0)))
