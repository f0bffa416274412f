"""Files that are too large to commit: `sizes.py FILE...` names them and exits 1."""

import sys
from pathlib import Path

LIMITS = {".ipynb": 800_000}
OTHERS = 1_300_000
"""Bytes; notebooks hold their figures, so each one committed anew is as much again in the repository."""


def too_large(paths: list[Path]) -> list[str]:
    sizes = {path: path.stat().st_size for path in paths if path.is_file()}
    limits = {path: LIMITS.get(path.suffix, OTHERS) for path in sizes}
    return [f"{path}: {size:,} bytes, more than {limits[path]:,}" for path, size in sizes.items() if size > limits[path]]


if __name__ == "__main__":
    found = too_large([Path(one) for one in sys.argv[1:]])
    print("\n".join(found), end="\n" if found else "")
    sys.exit(bool(found))
