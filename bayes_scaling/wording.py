"""How numbers read in figures and sentences."""

import numpy as np


def short(value: object) -> str:
    """Return a level as it reads best: 32768 as 32K tokens would be, 545000000 as 545M."""
    if isinstance(value, int | float | np.number) and abs(float(value)) >= 1e15:
        return f"{float(value):.3g}".replace("e+", "e")
    if isinstance(value, int | np.integer) and 1024 <= value <= 2**18 and value % 1024 == 0:
        return f"{value // 1024}K"
    if isinstance(value, float | np.floating) and float(value).is_integer() and abs(float(value)) < 1e4:
        return str(int(value))
    if isinstance(value, int | float | np.number) and abs(float(value)) >= 1e4:
        for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
            if abs(float(value)) >= size:
                return f"{float(value) / size:.3g}{letter}"
    return str(value)
