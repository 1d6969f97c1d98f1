"""What a folder holds, as the file picker lists it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from workbench.ui.file_access import FileAccess

SHOWN = 500  # entries; a list of more is narrowed faster than scrolled


@dataclass(frozen=True)
class FolderEntry:
    """A file or folder; `size` in bytes, None for folders and where it cannot be told."""

    name: str
    is_folder: bool
    size: int | None


@dataclass(frozen=True)
class FolderView:
    """At most `SHOWN` of `total` entries, folders first; `problem` says why there are none."""

    path: Path
    entries: tuple[FolderEntry, ...]
    total: int
    problem: str = ""


def read_folder(
    path: Path, access: FileAccess, *, wanted: str = "", hidden: bool = False, folders_only: bool = False
) -> FolderView:
    """What `path` holds of which the name contains `wanted` (lower case); hidden ones only where asked.

    A path or an entry that `access` does not allow is not listed.
    """
    if not access.allows(path):
        return FolderView(path, (), 0, f"lies outside the folders that st5 may use: {access.names()}")
    found: list[tuple[bool, str]] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if (hidden or not entry.name.startswith(".")) and wanted in entry.name.lower():
                    if entry.is_symlink() and not access.allows(Path(entry.path)):
                        continue
                    is_folder = _is_folder(entry)
                    if is_folder or not folders_only:
                        found.append((not is_folder, entry.name))
    except OSError as error:
        return FolderView(path, (), 0, f"cannot be listed ({error.strerror})")
    found.sort(key=lambda one: (one[0], one[1].casefold()))
    shown = tuple(
        FolderEntry(name, not is_file, _size(path / name) if is_file else None) for is_file, name in found[:SHOWN]
    )
    return FolderView(path, shown, len(found))


def nearest_folder(text: str, access: FileAccess) -> Path:
    """The folder to begin in: that of the path, or the nearest one above it that exists; else the current one.

    One that `access` does not allow is passed over for the first that it does.
    """
    path = Path(os.path.abspath(Path(text).expanduser())) if text else Path.cwd()
    for folder in (path, *path.parents):
        if folder.is_dir():
            return folder if access.allows(folder) else access.folders[0]
    return access.start().absolute()


def shortest(path: Path) -> str:
    """A path as one would type it from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
