"""Public tables that do not come with the package: from a folder of one's own, or from where their authors keep them."""

import json
import os
import tomllib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path, PurePosixPath

import pandas as pd

from bayes_scaling._base.errors import InputError, format_names

FOLDER = "BAYES_SCALING_DATA"
"""The environment variable that names a folder with tables, NAME.csv or NAME.csv.gz, to be read instead of the network."""

HOST = "https://raw.githubusercontent.com"

GRID_KEY = (
    r"d=(?P<width>\d+)_l=(?P<depth>\d+)_h=(?P<heads>\d+)-(?P<batch_sequences>\d+)-(?P<lr>[\d.]+)-(?P<weight_decay>[\d.]+)"
    r"-\d+-(?P<tokens>\d+)-(?P<warmup_steps>\d+)-(?P<lr_end>.+)"
)
"""A run of gadre_shape_grid: shape, batch, learning rate, weight decay, batch again, tokens, warm-up, last learning rate."""


@dataclass(frozen=True)
class Source:
    """Where a table comes from and what its numbers mean.

    Parameters
    ----------
    files
        Path in the repository -> SHA-256 of the file at the commit.
    convention
        How parameters, tokens, compute and loss are counted, and whether the learning-rate schedule was finished, in words.
    conventions
        The same as fields of `Conventions`, of the table and of columns, as far as they say it.
    units
        Column -> unit; columns that are labels or counts without unit are left out.
    folder_only
        Why the table is not downloaded; empty where it is.
    """

    about: str
    repository: str
    commit: str
    paper: str
    licence: str
    files: Mapping[str, str]
    convention: Mapping[str, str]
    units: Mapping[str, str]
    folder_only: str = ""
    conventions: Mapping[str, object] = field(default_factory=dict)

    @property
    def attrs(self) -> dict[str, object]:
        """What goes along with the table."""
        place = {"repository": self.repository, "commit": self.commit, "path": ", ".join(self.files), "paper": self.paper}
        said: dict[str, object] = {
            "units": dict(self.units),
            "provenance": place,
            "licence": self.licence,
            "convention": dict(self.convention),
        }
        return said | ({"conventions": dict(self.conventions)} if self.conventions else {})


def registry() -> dict[str, Source]:
    """Return the public tables by name."""
    text = files("bayes_scaling.data.datasets").joinpath("public.toml").read_text(encoding="utf-8")
    return {name: Source(**entry) for name, entry in tomllib.loads(text).items()}


def public() -> list[str]:
    """Return the names of the public tables.

    Some can only be read from a folder: `fetch` says which, and why.

    Returns
    -------
    list of str
        Names that `fetch` takes.

    Examples
    --------
    >>> from bayes_scaling import datasets
    >>> "chinchilla_epoch" in datasets.public()
    True
    """
    return sorted(registry())


def fetch(name: str, *, host: str = HOST, cache: str | Path | None = None) -> pd.DataFrame:
    """Return a public table, from a folder of your own or from where its authors keep it.

    The folder that the environment variable BAYES_SCALING_DATA names is looked into first, for NAME.csv and NAME.csv.gz. A
    table that is not there is downloaded at a fixed commit, checked by SHA-256, and kept in `cache`. So it is downloaded once.

    Parameters
    ----------
    name
        One of `public()`.
    host
        Address under which OWNER/REPOSITORY/COMMIT/PATH is found.
    cache
        Folder for downloads. The user's cache folder unless given.

    Returns
    -------
    DataFrame
        `attrs` holds its units, provenance, licence and conventions of counting.

    Raises
    ------
    InputError
        For an unknown name, a table that can only be read from a folder, an unreadable file, a download that fails, and a file
        that is not the one known.

    Examples
    --------
    >>> from bayes_scaling import datasets
    >>> runs = datasets.fetch("chinchilla_epoch")  # doctest: +SKIP
    """
    sources = registry()
    if name not in sources:
        raise InputError(f"no public table is called {name!r}; there are {format_names(sources)}")
    source = sources[name]
    table = _from_folder(name, source)
    if table is None:
        table = TIDY[name](*_downloaded(name, source, host, cache))
    table.attrs.update(source.attrs)
    return table


def _from_folder(name: str, source: Source) -> pd.DataFrame | None:
    """Return a table from the folder that the environment names; None where it is not there."""
    folder = os.environ.get(FOLDER)
    if folder and not Path(folder).is_dir():
        raise InputError(f"{FOLDER} is {folder!r}, which is not a folder")
    found = [path for end in (".csv", ".csv.gz") if folder and (path := Path(folder, name + end)).is_file()]
    if found:
        return _read(found[0], source)
    if source.folder_only:
        where = f"as {name}.csv or {name}.csv.gz from the folder that {FOLDER} names"
        raise InputError(f"{name} can only be read {where}: {source.folder_only}")
    return None


def _read(path: Path, source: Source) -> pd.DataFrame:
    """Return the table in a file; refuse one without a column that has a unit."""
    try:
        table = pd.read_csv(path, low_memory=False, encoding="utf-8")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: unreadable or truncated ({first})") from None
    missing = [column for column in source.units if column not in table]
    if missing:
        raise InputError(f"{path}: needs columns {missing}; the table has {format_names(table)}")
    return table


def _downloaded(name: str, source: Source, host: str, cache: str | Path | None) -> list[pd.DataFrame]:
    """Return the tables of a source from the cache, or from where its authors keep them, checked by their hashes."""
    instead = f"a table in the folder that {FOLDER} names is read instead"
    try:
        import pooch  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise InputError(f"downloads need pooch: pip install 'bayes-scaling[datasets]'; {instead}") from None

    folder = Path(cache or pooch.os_cache("bayes_scaling"), name)
    # Streamed, an answer such as 404 would leave its connection open.
    download = pooch.HTTPDownloader(stream=False)
    kept = []
    for path, known in source.files.items():
        address = f"{host}/{source.repository}/{source.commit}/{path}"
        try:
            kept.append(pooch.retrieve(address, f"sha256:{known}", PurePosixPath(path).name, folder, downloader=download))
        except OSError as error:
            raise InputError(f"{address} cannot be fetched into {folder} ({_reason(error)}); {instead}") from None
        except ValueError:
            raise InputError(f"{address} does not have the known SHA-256, so it was not kept; {instead}") from None
    return [_raw(path) for path in kept]


def _reason(error: OSError) -> str:
    # requests puts the server's answer on its exceptions, and a chain of representations into their text.
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"HTTP {status}" if status else error.strerror or type(error).__name__


def _raw(path: str) -> pd.DataFrame:
    if path.endswith(".json"):
        return pd.DataFrame(json.loads(Path(path).read_text(encoding="utf-8")).items(), columns=["key", "value"])
    return pd.read_csv(path, encoding="utf-8")


def chinchilla_epoch(raw: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of Besiroglu et al. in their order, the five highest losses, which they leave out, marked."""
    params, flops, loss = raw["Model Size"], raw["Training FLOP"], raw["loss"]
    table = pd.DataFrame({"params": params, "tokens": flops / (6 * params), "flops": flops, "loss": loss})
    table["outlier_besiroglu"] = (loss.rank(method="first", ascending=False) <= 5).astype(int)
    return _numbered(table, "chin")


def gadre_shape_grid(raw: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of Gadre et al., shape and settings taken from their names in the upstream file."""
    table: pd.DataFrame = raw["key"].str.extract(GRID_KEY).apply(pd.to_numeric)
    table.insert(0, "run_id", raw["key"])
    tokens, width = table["tokens"], table["width"]
    return table.assign(loss=raw["value"], params_by_tokens20=tokens // 20, head_dim=width // table["heads"])


def llama3_isoflop(raw: pd.DataFrame) -> pd.DataFrame:
    """Return the points with the loss as plotted; the upstream file has each a second time, with its exponential."""
    plotted = raw[raw["condition"] == "raw_loss"].reset_index(drop=True)
    return _numbered(plotted[["params", "tokens", "budget", "loss"]], "llama3_")


def oellm_tuned(raw: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of the grid of OpenEuroLLM, named by millions of parameters and billions of tokens."""
    table = raw.rename(columns={"N": "params", "D": "tokens", "C": "flops", "gbsz": "batch_size"})
    cells = zip(table["params"], table["tokens"], strict=True)
    table.insert(0, "run_id", [f"oellm_{params // 1e6:.0f}M_{tokens / 1e9:g}B" for params, tokens in cells])
    return table


def _numbered(table: pd.DataFrame, prefix: str) -> pd.DataFrame:
    labelled = table.copy()
    labelled.insert(0, "run_id", [f"{prefix}{row:03d}" for row in range(len(table))])
    return labelled


TIDY: Mapping[str, Callable[..., pd.DataFrame]] = {
    "chinchilla_epoch": chinchilla_epoch,
    "gadre_shape_grid": gadre_shape_grid,
    "llama3_isoflop": llama3_isoflop,
    "oellm_tuned": oellm_tuned,
}
"""Table name -> function from the upstream tables, in the order of `files`, to the tidy table."""
