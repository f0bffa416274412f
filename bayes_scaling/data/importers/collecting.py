"""All that sources hold, part by part: files, what is in archives, and runs of a W&B server."""

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.importers.files import Source, files_of
from bayes_scaling.data.importers.formats import EXPECTED, importer_of
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.wandb_api import is_wandb, read_wandb


def collect(sources: Any, notes: list[str], *, cache: Path | None, progress: bool) -> Iterator[Part]:
    """Yield what sources hold, and add to notes what was left out."""
    one = isinstance(sources, str | PathLike) or is_wandb(sources)
    several = [sources] if one else list(sources)
    if files := [source for source in several if not is_wandb(source)]:
        with TemporaryDirectory(prefix="bayes_scaling_") as folder:
            yield from _of_files(files_of(files, Path(folder), notes), notes, progress=progress)
    for run in [source for source in several if is_wandb(source)]:
        yield from read_wandb(run, cache, progress=progress)


def _of_files(sources: Sequence[Source], notes: list[str], *, progress: bool) -> Iterator[Part]:
    """Yield what files hold; one in a folder that is no log is named in the notes, one that was given is refused."""
    from tqdm import tqdm

    for source in tqdm(sources, "reading", unit=" files", disable=None if progress else True, leave=False):
        head = Head(source.path, source.called, source.folder)
        try:
            importer, found = importer_of(head), False
            for part in importer.read(head):
                found = True
                yield part
            if not found:
                raise InputError(f"{source.called}: {importer.NAME}, without a row that is whole")
        except InputError as error:
            if source.asked:
                raise
            notes.append(f"left out: {str(error).partition(EXPECTED)[0]}")
