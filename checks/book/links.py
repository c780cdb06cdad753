"""Every link of the built book: those inside it must lead somewhere, those out of it are listed and never followed."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_OF = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src", "iframe": "src", "object": "data"}


@dataclass
class Page:
    """What one page refers to, the places in it that can be referred to, and its images without words."""

    links: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)
    unnamed: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.page.places |= {place for key in ("id", "name") if (place := values.get(key))}
        if target := values.get(_OF.get(tag, "")):
            self.page.links.append(target)
        if tag == "img" and not (values.get("alt") or "").strip():
            self.page.unnamed.append(values.get("src") or "?")


def read(folder: Path) -> dict[Path, Page]:
    """Every page of a build."""
    pages = {}
    for path in sorted(folder.resolve().rglob("*.html")):
        if "_static" not in path.parts:
            reader = _Reader()
            reader.feed(path.read_text(encoding="utf-8"))
            pages[path] = reader.page
    return pages


def broken(pages: dict[Path, Page]) -> tuple[list[str], list[str]]:
    """(links inside the book that lead nowhere, as "page: link"; addresses outside it that pages link to)."""
    wrong, outside = set(), set()
    for path, page in pages.items():
        for target in set(page.links):
            parts = urlsplit(target)
            if parts.scheme in ("data", "javascript"):
                continue
            if parts.scheme or parts.netloc:
                outside.add(target)
            elif not _resolves(path, parts.path, parts.fragment, pages):
                wrong.add(f"{path.name}: {target}")
    return sorted(wrong), sorted(outside)


def _resolves(page: Path, path: str, fragment: str, pages: dict[Path, Page]) -> bool:
    target = (page.parent / unquote(path)).resolve() if path else page
    if target.is_dir():
        target = target / "index.html"
    if target not in pages:
        return target.exists()
    return not fragment or unquote(fragment) in pages[target].places


def unnamed(pages: dict[Path, Page]) -> list[str]:
    """Images without words for those who do not see them, as "page: source"."""
    return [f"{path.name}: {source}" for path, page in pages.items() for source in page.unnamed]


__all__ = ["Page", "broken", "read", "unnamed"]
