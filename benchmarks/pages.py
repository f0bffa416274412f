"""Pages of benchmarks: prose is kept in the page, and a script puts what it measured between two marks."""

from pathlib import Path

START, END = "<!-- measured -->", "<!-- end of measured -->"


def write_measured(page: Path, measured: str) -> None:
    """Put what was measured between the marks of a page; the rest of it stays as it is.

    Raises
    ------
    SystemExit
        If the page has no such marks.
    """
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(START)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise SystemExit(f"{page.name} has no marks {START} and {END}, between which numbers are written")
    page.write_text(f"{before}{START}\n\n{measured}\n\n{END}{after}", encoding="utf-8")
