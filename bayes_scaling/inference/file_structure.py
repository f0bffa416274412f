"""Whether an HDF5 file holds what a saved fit holds, seen before any of it is read: nothing endless, foreign or oversized."""

import subprocess
import sys
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

from bayes_scaling._base.errors import InputError, one_line

MOST = 100_000
"""Objects in a file."""
OF_SEVERAL = "bayes_scaling stack"
"""Beginning of the format of a file in which the groups of a fit lie in that of its law."""
STRINGS = 64
"""Texts that are read at a time; each is as long as the file at most."""
ENTRIES = 64
"""Entries of an attribute that are of any length each: one for each dimension of an array."""
SECONDS, MEMORY = 30, 8 * 2**30
"""What reading a file without a checksum may take before it is given up."""


def check_structure(path: Path) -> None:
    """Refuse an HDF5 file that holds anything but groups of plain arrays and texts no larger than itself.

    Links to elsewhere, objects with two names, data in other files, filters and virtual arrays are no part of a saved fit:
    with them a file could show the bytes of others, or never end.

    Raises
    ------
    InputError
        Where it does. What h5py raises of a file that is none is left to the caller.
    """
    import h5py

    with h5py.File(path, "r") as file:
        room, seen = [path.stat().st_size], {_address(file)}
        _check_attributes(path, "/", file)
        _check_group(path, file, room, seen, 2 if str(file.attrs.get("format", "")).startswith(OF_SEVERAL) else 1)


def _check_group(path: Path, group: Any, room: list[int], seen: set[Any], depth: int) -> None:
    """Check what a group holds, and the groups in it, so many deep."""
    import h5py

    for name, of in _members(path, group, seen):
        _check_attributes(path, name, of)
        if isinstance(of, h5py.Dataset):
            _check_dataset(path, name, of, room)
        elif depth == 0:
            raise InputError(f"{path}: {name!r} lies deeper than anything in a saved fit")
        else:
            _check_group(path, of, room, seen, depth - 1)


def _members(path: Path, group: Any, seen: set[Any]) -> list[tuple[str, Any]]:
    """Return what a group holds; raises InputError where a name stands for what is elsewhere, or was met before."""
    import h5py

    if len(group) > MOST:
        raise InputError(f"{path}: {len(group)} objects, more than a saved fit has")
    found = []
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise InputError(f"{path}: {name!r} is a link to elsewhere, which no saved fit has")
        of = group[name]
        if not isinstance(of, h5py.Group | h5py.Dataset) or _address(of) in seen:
            raise InputError(f"{path}: {name!r} is no array, or one with two names; expected a fit as it is saved")
        seen.add(_address(of))
        found.append((name, of))
    return found


def _address(of: Any) -> Any:
    import h5py

    return h5py.h5o.get_info(of.id).addr


def _check_dataset(path: Path, name: str, of: Any, room: list[int]) -> None:
    """Refuse an array whose bytes are not plainly in this file, and take its bytes from the room that is left."""
    import h5py

    how = of.id.get_create_plist()
    if how.get_external_count() or how.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT) or how.get_nfilters():
        raise InputError(f"{path}: {name!r} is compressed, in parts, or kept in other files, as nothing in a saved fit is")
    text = h5py.check_string_dtype(of.dtype) is not None
    if not (text or of.dtype.kind in "fiub") or (text and of.ndim > 1):
        raise InputError(f"{path}: {name!r} holds {of.dtype} in {of.ndim} dimensions; expected numbers, or a column of texts")
    room[0] -= of.size * of.dtype.itemsize
    for start in range(0, of.size if text and room[0] >= 0 else 0, STRINGS):
        room[0] -= sum(len(one) for one in of[start : start + STRINGS])
        if room[0] < 0:
            break
    if room[0] < 0:
        raise InputError(f"{path}: {name!r} has the shape {of.shape}, which is more than the file can hold")


def _check_attributes(path: Path, name: str, of: Any) -> None:
    """Refuse attributes that are longer than the file, or whose entries, of any length each, are many."""
    import h5py

    for key in of.attrs:
        kept = of.attrs.get_id(key)
        count, kind = prod(kept.shape), kept.dtype
        if count * kind.itemsize > path.stat().st_size or (kind.kind == "O" and count > ENTRIES):
            raise InputError(f"{path}: attribute {key!r} of {name!r} has the shape {kept.shape}, more than the file can hold")
        if h5py.check_string_dtype(kind) is None and kind.kind not in "fiubOV":
            raise InputError(f"{path}: attribute {key!r} of {name!r} holds {kind}; expected a number or a text")


def probe(path: Path) -> None:
    """Check a file whose bytes nobody vouches for, in a process of its own: the library that reads it may crash or never end.

    Raises
    ------
    InputError
        Where it holds what no saved fit does, cannot be read, or is not read in half a minute.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import read_all; read_all(sys.argv[1])"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"{path}: damaged, reading it does not end") from None
    if done.returncode:
        said = done.stdout.strip().splitlines()
        raise InputError(said[-1] if said else f"{path}: damaged, it cannot be read")


def read_all(name: str) -> None:
    """Read all that a file holds, and say in one line what keeps it from being read: what `probe` has a process do."""
    import h5py

    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    path = Path(name)
    try:
        check_structure(path)
        with h5py.File(path, "r") as file:
            dict(file.attrs)
            file.visititems(_read)
    except Exception as error:
        unlike = isinstance(error, InputError)
        print(error if unlike else f"{path}: unreadable or truncated, expected a fit ({one_line(error)})")
        sys.exit(1)


def _read(name: str, of: Any) -> None:
    import h5py

    dict(of.attrs)
    if isinstance(of, h5py.Dataset):
        of[()]
