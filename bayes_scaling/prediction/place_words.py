"""Where a point lies, in words."""

from collections.abc import Mapping
from typing import Any

import xarray as xr

from bayes_scaling._base.numbers import MAX_DIGITS, PLACE_DIGITS, spaced_name, value_at

NO_PLACE = ("distance", "unit", "region", "extrapolated", "row", "chain", "draw")
"""Coordinates of a point that do not say where it lies."""


def point_in_words(point: xr.DataArray | xr.Dataset, units: Mapping[str, str]) -> str:
    """Return the inputs and levels of a point of draws, see `in_words`."""
    places = {str(name): of.item() for name, of in point.coords.items() if of.ndim == 0 and name not in NO_PLACE}
    return in_words(places, units)


def in_words(places: Mapping[str, Any], units: Mapping[str, str]) -> str:
    """Return inputs and levels as a sentence lists them: inputs, which have units, with four digits, others in full.

    Examples
    --------
    >>> in_words({"params": 70_612_345.0, "attention": "full"}, {"params": "parameters"})
    'params 70.61M parameters, attention full'
    """
    digits = {name: PLACE_DIGITS if name in units else MAX_DIGITS for name in places}
    return ", ".join(f"{spaced_name(n)} {value_at(n, of, digits[n])} {units.get(n, '')}".rstrip() for n, of in places.items())
