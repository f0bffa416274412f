"""The column with the standard errors of responses."""

from dataclasses import dataclass

from bayes_scaling._base import checks


@dataclass(frozen=True)
class MeasurementError:
    """A column with the standard error of each row's response, known beforehand.

    Errors are independent from row to row, so that the mean of n rows has one over sqrt(n). An error that all rows of a run
    share is not meant: it averages out in no mean.

    Parameters
    ----------
    column
        Its name in the table.
    relative
        Whether the column is a fraction of the response (0.01 is 1 %). Otherwise it is in the unit of the response.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.data.columns import MeasurementError
    >>> columns = bs.Columns({"compute": bs.Input("compute")}, measurement_error=MeasurementError("loss_rel_error"))
    """

    column: str
    relative: bool = True

    def words(self, name: str = "the response", unit: str = "") -> str:
        """Return how the column is taken: as shares of a response, or in its unit.

        Examples
        --------
        >>> MeasurementError("sem").words("loss"), MeasurementError("sem", relative=False).words("loss", "nats/token")
        ('a share of loss (relative = true)', 'in nats/token (relative = false)')
        """
        return (
            f"a share of {name} (relative = true)"
            if self.relative
            else f"in {unit or f'the unit of {name}'} (relative = false)"
        )

    def __post_init__(self) -> None:
        checks.check(self, "of the measurement error", column=checks.column, relative=checks.flag)
