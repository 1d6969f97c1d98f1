"""The folders in which the workbench may read and write files that the user names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from store.errors import BadInput


@dataclass(frozen=True)
class FileAccess:
    """`folders` are resolved paths; empty: files everywhere."""

    folders: tuple[Path, ...] = ()

    @classmethod
    def of(cls, *folders: Path) -> FileAccess:
        """Access to these folders and what lies in them, symbolic links followed."""
        return cls(tuple(dict.fromkeys(folder.resolve() for folder in folders)))

    def allows(self, path: Path) -> bool:
        """Whether a path, with its symbolic links followed, lies in one of the folders."""
        if not self.folders:
            return True
        try:
            found = path.expanduser().resolve()
        except (OSError, RuntimeError, ValueError):  # a circle of links, no home folder, a NUL: no file can be there
            return False
        return any(found.is_relative_to(folder) for folder in self.folders)

    def check(self, path: Path) -> None:
        """`BadInput` for a path outside the folders."""
        if not self.allows(path):
            raise BadInput(
                f"{path}: lies outside the folders that st5 may use: {self.names()}. "
                "Start st5 with --files FOLDER to add one."
            )

    def names(self) -> str:
        """The folders, for a message."""
        return ", ".join(str(folder) for folder in self.folders)

    def start(self) -> Path:
        """The folder that a new file is written to unless the user names another."""
        return Path() if self.allows(Path()) else self.folders[0]


EVERYWHERE = FileAccess()
