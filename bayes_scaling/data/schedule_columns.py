"""Columns that a learning-rate schedule gives, see `schedules`."""

DERIVED = ("lr_sum", "annealing_area", "lr_drop", "lr_then", "lr_since", "lr_fall")
"""Columns that a schedule gives."""


IN_PARTS = ("lr_then", "lr_since")
"""Those with a value for each part of the fall."""


MAY_BE_ZERO = ("annealing_area", "lr_drop", "lr_since")
"""Those that are 0 before the learning rate has fallen."""


NO_SCALE = (*MAY_BE_ZERO, *IN_PARTS, "lr_fall")
"""Those whose logarithm does not say how far apart rows are."""
