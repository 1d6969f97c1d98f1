"""Frames that grow block by block: in memory while small, beyond that in Parquet parts on disk."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl

from store.errors import Failed

SPILL_BYTES = 512 << 20  # about 10 million interactions; several piles together stay within 2 GB

# Removed when the process ends, because lazy frames outlive the reader that made them.
_scratch: list[tempfile.TemporaryDirectory[str]] = []


class SpillBuffer:
    """Rows of one schema in the order they were added; larger than memory if need be."""

    def __init__(self, schema: dict[str, pl.DataType | type[pl.DataType]], spill_bytes: int = SPILL_BYTES) -> None:
        self.schema = schema
        self.spill_bytes = spill_bytes
        self.rows = 0
        self._frames: list[pl.DataFrame] = []
        self._bytes = 0
        self._parts: list[Path] = []
        self._folder: Path | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """Append rows; writes a part once `spill_bytes` are held. Raises Failed when the disk is full."""
        self.rows += frame.height
        self._frames.append(frame)
        self._bytes += int(frame.estimated_size())
        if self._bytes > self.spill_bytes:
            self._spill()

    def lazy(self) -> pl.LazyFrame:
        """All rows. The parts on disk live until the process ends."""
        if self._parts and self._frames:
            self._spill()
        if self._parts:
            return pl.scan_parquet(self._parts)
        return (pl.concat(self._frames) if self._frames else pl.DataFrame(schema=self.schema)).lazy()

    def _spill(self) -> None:
        try:
            if self._folder is None:
                _scratch.append(tempfile.TemporaryDirectory(prefix="st5-sources-"))
                self._folder = Path(_scratch[-1].name)
            part = self._folder / f"{len(self._parts):06d}.parquet"
            pl.concat(self._frames).write_parquet(part, compression="lz4")
        except OSError as error:
            raise Failed(
                f"{tempfile.gettempdir()}: cannot keep the rows read so far ({error}). "
                "Free some space there, or set TMPDIR to a larger disk."
            ) from None
        self._parts.append(part)
        self._frames, self._bytes = [], 0
