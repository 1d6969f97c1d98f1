"""Output files that are whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from store.errors import BadInput


@contextmanager
def writing(path: Path, *, binary: bool = False, next: str = "Choose another --out.") -> Iterator[IO[Any]]:
    """A file that takes its name when it is complete; `BadInput` at once where it cannot be written, with what `next`.

    `next` is a sentence.
    """
    if not path.name or path.is_dir():
        raise BadInput(f"{path}: is a folder. Give --out the name of a file.")
    part = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    try:
        file: IO[Any] = part.open("wb") if binary else part.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror}). {next}") from None
    try:
        with file:
            yield file
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
