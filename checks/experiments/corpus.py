"""Text for the experiments, in three parts: the standard library's topics, a UTF-8 file, or a folder in the layout of WikiText.

A single text is cut into training, validation and test in its own order, near 90 % and 95 %, at the end of a paragraph. So the parts put
together are the text, and no sentence is on both sides of a cut. WikiText (Merity et al., arXiv 1609.07843) comes with its own parts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from checks.data import DataError, read_text

__all__ = ["Corpus", "corpus"]

LEAST = 1000  # characters of a text that is cut: below it, validation and test would be a line or two
MARKS = (90, 95)  # per cent of the text at which the training and the validation part end, at the latest
SLACK = 40  # a cut is at most 1/40 of the text before its mark, so validation keeps at least half of its 5 %
PARTS = ("train", "valid", "test")
LAYOUTS = ("raw", "tokens")  # endings of WikiText's files: the text as it was, or with rare words replaced by <unk>
SLICE = 1 << 20  # characters encoded at a time for the digest


@dataclass(frozen=True)
class Corpus:
    """Three parts of a text, none of them blank; the digest is SHA-256 of their lengths and their UTF-8 bytes."""

    source: str  # "pydoc_data.topics", or the name of the file or folder; never a path
    train: str
    valid: str
    test: str
    digest: str


def corpus(path: Path | None = None, *, limit: int | None = None) -> Corpus:
    """The corpus of a UTF-8 file or of a WikiText folder, by default the standard library's topics.

    limit: at most so many characters are taken from the start of the text, or of each of the three files. Line ends are made the same
    and a byte order mark is dropped, so the digest does not depend on the platform that wrote the file. DataError for text that is missing,
    unreadable, not UTF-8, blank or too short to cut.
    """
    if limit is not None and limit < 1:
        raise DataError(
            f"a limit is a number of characters from 1; got {limit}: nothing would be read. Raise it, or leave it out."
        )
    if path is None:
        return _cut(read_text()[:limit], "pydoc_data.topics")
    name = path.resolve().name
    if path.is_dir():
        return _whole(name, *(_read(file, limit) for file in _wikitext(path)))
    return _cut(_read(path, limit), name)


def _wikitext(folder: Path) -> tuple[Path, Path, Path]:
    """The three files of a folder, of one release."""
    for ending in LAYOUTS:
        train, valid, test = (folder / f"wiki.{part}.{ending}" for part in PARTS)
        if all(file.is_file() for file in (train, valid, test)):
            return train, valid, test
    wanted = " or ".join(f"wiki.{{{','.join(PARTS)}}}.{ending}" for ending in LAYOUTS)
    there = ", ".join(sorted(file.name for file in folder.glob("*"))[:6]) or "nothing"
    raise DataError(
        f"a folder of text has the layout of WikiText, {wanted}; {folder} has {there}: its parts are not known. "
        "Give the folder that the archive unpacks to, or a single UTF-8 file."
    )


def _read(path: Path, limit: int | None) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read() if limit is None else file.read(limit)
    except UnicodeDecodeError as error:
        raise DataError(
            f"a text file must be UTF-8; {path} has byte 0x{error.object[error.start]:02x} where none such can stand "
            f"({error.reason}): characters cannot be read. Convert it, e.g. iconv -t UTF-8."
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"a text must be a readable file or folder; {path} is not ({error}): there is nothing to train on. "
            "Give the path of an existing UTF-8 file, or of a WikiText folder."
        ) from error
    if "\0" in text:
        raise DataError(
            f"a text has no NUL characters; {path} has one at character {text.index(chr(0))}: it is binary, or UTF-16. "
            "Give plain text, e.g. after iconv -f UTF-16 -t UTF-8."
        )
    return text


def _cut(text: str, source: str) -> Corpus:
    """The text in three parts that put together are the text."""
    if len(text) < LEAST:
        raise DataError(
            f"a text to cut into three parts needs at least {LEAST} characters; {source} has {len(text)}: validation and test would "
            "be a line or two. Give a longer text, raise the limit, or give a folder with parts of your own."
        )
    first, second = (_end_before(text, len(text) * mark // 100, source) for mark in MARKS)
    return _whole(source, text[:first], text[first:second], text[second:])


def _end_before(text: str, mark: int, source: str) -> int:
    """The last end of a paragraph before the mark, else of a line, else of a word, not far from it."""
    for end in ("\n\n", "\n", " "):
        place = text.rfind(end, mark - len(text) // SLACK, mark)
        if place >= 0:
            return place + len(end)
    raise DataError(
        f"a text is cut at the end of a paragraph, a line or a word; {source} has none of them in the {len(text) // SLACK} characters "
        f"before character {mark}: a cut would split a word. Put line ends into the text."
    )


def _whole(source: str, train: str, valid: str, test: str) -> Corpus:
    parts = dict(zip(PARTS, (train, valid, test), strict=True))
    for name, part in parts.items():
        if not part or part.isspace():
            raise DataError(
                f"every part of a corpus has text; the {name} part of {source} has {len(part)} characters, all of them space: "
                "nothing could be learned or measured on it. Give a text with words in all three parts."
            )
    found = hashlib.sha256()
    for part in parts.values():
        found.update(f"{len(part)}\n".encode())  # lengths first: the same text cut elsewhere is another corpus
        for start in range(0, len(part), SLICE):
            found.update(part[start : start + SLICE].encode())
    return Corpus(source, train, valid, test, found.hexdigest())
