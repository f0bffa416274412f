"""Local links of the built site that lead nowhere: Sphinx checks those it writes, this those it does not."""

import re
from functools import cache
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

LINK = re.compile(r"<(a|img|link|script)\b[^>]*?\s(?:href|src)=\"([^\"]*)\"")
PLACE = re.compile(r"\s(?:id|name)=\"([^\"]+)\"")


def broken(site: Path) -> list[str]:
    """Return `page: link`, a line each: to files or places that do not exist, or to what a page would load from elsewhere."""
    pages = [page for page in sorted(site.rglob("*.html")) if "_static" not in page.parts]
    return [f"{page.relative_to(site)}: {link}" for page in pages for link in lost(page)]


def lost(page: Path) -> list[str]:
    """Return the links of one page that lead nowhere."""
    found = {(tag, unescape(link)) for tag, link in LINK.findall(page.read_text(encoding="utf-8"))}
    return sorted({link for tag, link in found if not leads(page, tag, link)})


def leads(page: Path, tag: str, link: str) -> bool:
    """Return whether a link leads to a file and a place that exist; other sites may be linked to, and are not asked."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return tag == "a" or parts.scheme == "data"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target.is_dir():
        target = target / "index.html"
    if not target.is_file():
        return False
    return not parts.fragment or target.suffix != ".html" or unquote(parts.fragment) in places(target)


@cache
def places(page: Path) -> frozenset[str]:
    """Return what a page can be entered at."""
    return frozenset(unescape(place) for place in PLACE.findall(page.read_text(encoding="utf-8")))
