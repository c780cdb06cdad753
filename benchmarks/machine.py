"""What the machine is and how busy: absolute figures mean nothing without it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from checks import kernel

LIBRARIES = ("torch", "numpy", "python-flint", "sympy", "jax")
VECTORS = ("avx512f", "avx2", "avx", "asimd")


def facts() -> dict[str, Any]:
    """Processor, cores, memory, versions, compiler and accelerator, as far as they can be found out."""
    loaded = kernel.library()
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
        "compiler": _compiler(),
        "vector_bytes": None if loaded is None else int(loaded.localist_vector_bytes()),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> list[float]:
    """Load averages over 1, 5 and 15 minutes: how many processes wanted a core."""
    return [round(value, 2) for value in os.getloadavg()]


def _processor() -> str:
    """The model name and the widest vectors it says it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n")
    except OSError:
        return platform.processor() or platform.machine()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines) if value}
    flags = fields.get("flags", fields.get("Features", "")).split()
    wide = next((name for name in VECTORS if name in flags), "")
    model = fields.get("model name", platform.machine())
    number = f" family {fields['cpu family']} model {fields['model']}" if {"cpu family", "model"} <= fields.keys() else ""
    return f"{model}{number}{f', {wide}' if wide else ''}"


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _compiler() -> str | None:
    found = shutil.which(os.environ.get("CC", "cc"))
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    return said.split("\n")[0].strip() or None


def command(arguments: Sequence[str] | None = None) -> str:
    """The command that is running, as one would type it at the root of a checkout; without where its own copy of the file goes."""
    given, kept = list(sys.argv[1:] if arguments is None else arguments), list[str]()
    while given:
        word = given.pop(0)
        if word == "--out":
            del given[:1]
        elif not word.startswith("--out="):
            kept.append(word)
    return " ".join(["python -m benchmarks", *kept])


__all__ = ["command", "cores", "facts", "load"]
