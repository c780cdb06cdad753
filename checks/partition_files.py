"""A partition on disk, TOML or JSON: method, certificate and the tokens of every block; read back as the block of every token."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from checks.data import DataError
from checks.files import write_atomically
from checks.partition_linkage import Partition


def save(found: Partition, path: Path) -> None:
    """Write the partition to a .toml or .json file, whole or not at all."""
    if path.suffix not in (".toml", ".json"):
        raise DataError(f"a partition is written as .toml or .json, not as {path.name!r}. Choose one of these endings.")
    plain = found.plain()
    if path.suffix == ".json":
        write_atomically(path, json.dumps(plain, indent=1, ensure_ascii=False) + "\n")
        return
    import tomli_w

    known = {key: value for key, value in plain["certificate"].items() if value is not None}  # TOML has no null
    write_atomically(path, tomli_w.dumps(plain | {"certificate": known}))


def load(path: Path) -> tuple[dict[str, int], int]:
    """The block of every token of a saved partition, and the number of blocks; the rest block is the last, and may be empty.

    Raises DataError for a file that is no partition or puts a token in two blocks.
    """
    try:
        text = path.read_text(encoding="utf-8")
        plain: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(
            f"{path} cannot be read as a partition ({error}). Write one with `localist partition --save`."
        ) from error
    blocks = plain.get("blocks") if isinstance(plain, dict) else None
    if not isinstance(blocks, dict) or len(blocks) < 2 or not all(_tokens(block) for block in blocks.values()):
        raise DataError(
            f"{path} has no table `blocks` with two lists of tokens or more. Write one with `localist partition --save`."
        )
    home: dict[str, int] = {}
    for index, (name, members) in enumerate(blocks.items()):
        for word in members:
            if word in home:
                raise DataError(
                    f"{path}: token {word!r} is in {name!r} and in another block; a token is in one. Remove one of them."
                )
            home[word] = index
    return home, len(blocks)


def _tokens(block: Any) -> bool:
    return isinstance(block, list) and all(isinstance(word, str) for word in block)
