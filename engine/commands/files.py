"""Output files that are whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from store.errors import BadInput


@contextmanager
def writing(path: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """A file that takes its name when it is complete; `BadInput` where it cannot be written."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        file: IO[Any] = part.open("wb") if binary else part.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror}). Choose another --out.") from None
    try:
        with file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
