"""Tables of training runs: small published ones that come with the package, and public ones that `fetch` brings.

Each table that comes along has its source and measurement error in a `.md` beside it.
"""

import tomllib
from importlib.resources import files

import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.datasets.fetching import fetch, public

__all__ = ["fetch", "load", "names", "public"]

HERE = files("bayes_scaling.data.datasets")


def names() -> list[str]:
    """Return the names of the bundled tables.

    Returns
    -------
    list of str
        Names that `load` takes.

    Examples
    --------
    >>> from bayes_scaling import datasets
    >>> "moba_final_losses" in datasets.names()
    True
    """
    return sorted(tomllib.loads(HERE.joinpath("units.toml").read_text(encoding="utf-8")))


def load(name: str) -> pd.DataFrame:
    """Return a bundled table.

    Parameters
    ----------
    name
        One of `names()`.

    Returns
    -------
    DataFrame
        `attrs["units"]` maps columns to units. `attrs["conventions"]` says how they were counted, as far as it is known, in
        fields of `Conventions`. `attrs["provenance"]` says where the table comes from.

    Raises
    ------
    InputError
        With the names there are, for any other name.

    Examples
    --------
    >>> from bayes_scaling import datasets
    >>> table = datasets.load("moba_final_losses")
    >>> table.attrs["units"]["loss_final"]
    'nats/token'
    """
    units = tomllib.loads(HERE.joinpath("units.toml").read_text(encoding="utf-8"))
    if name not in units:
        raise InputError(f"no dataset is called {name!r}; the package has {sorted(units)}")
    found = next(file for file in HERE.iterdir() if file.name in (f"{name}.csv", f"{name}.csv.gz"))
    with found.open("rb") as stream:
        table = pd.read_csv(stream, compression="gzip" if found.name.endswith(".gz") else None, encoding="utf-8")
    table.attrs = {"units": units[name], "provenance": HERE.joinpath(f"{name}.md").read_text(encoding="utf-8")}
    if counted := tomllib.loads(HERE.joinpath("conventions.toml").read_text(encoding="utf-8")).get(name):
        table.attrs["conventions"] = counted
    return table
