"""Every link of the built book: those inside it must lead somewhere, those out of it are listed and never followed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_OF = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src", "iframe": "src", "object": "data"}


@dataclass
class Page:
    """What one page refers to, and the places in it that can be referred to."""

    links: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.page.places |= {place for key in ("id", "name") if (place := values.get(key))}
        if target := values.get(_OF.get(tag, "")):
            self.page.links.append(target)


def read(path: Path) -> Page:
    """The links and places of one HTML file."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def broken(folder: Path) -> tuple[list[str], list[str]]:
    """(links inside the book that lead nowhere, as "page: link"; addresses outside it that pages link to) for every page of a build."""
    pages = {path.resolve(): read(path) for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts}
    wrong, outside = [], set()
    for path, page in pages.items():
        for target in page.links:
            parts = urlsplit(target)
            if parts.scheme in ("data", "javascript"):
                continue
            if parts.scheme or parts.netloc:
                outside.add(target)
            elif not _resolves(path, parts.path, parts.fragment, pages):
                wrong.append(f"{path.relative_to(folder.resolve())}: {target}")
    return sorted(set(wrong)), sorted(outside)


def _resolves(page: Path, path: str, fragment: str, pages: dict[Path, Page]) -> bool:
    target = (page.parent / unquote(path)).resolve() if path else page
    if target.is_dir():
        target = target / "index.html"
    if not target.exists():
        return False
    return not fragment or target not in pages or unquote(fragment) in pages[target].places


def unnamed(folder: Path) -> Iterable[str]:
    """Images without words for those who do not see them, as "page: source"."""
    for path in sorted(folder.rglob("*.html")):
        if "_static" not in path.parts:
            reader = _Images()
            reader.feed(path.read_text(encoding="utf-8"))
            yield from (f"{path.relative_to(folder)}: {source}" for source in reader.unnamed)


class _Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.unnamed: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "img" and not (values.get("alt") or "").strip():
            self.unnamed.append(values.get("src") or "?")


__all__ = ["Page", "broken", "read", "unnamed"]
