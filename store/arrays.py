"""numpy arrays as little-endian blobs with dtype, shape and content hash."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from store.errors import Failed

if TYPE_CHECKING:
    import numpy as np

BLOCK_BYTES = 1024 * 1024  # a short transaction, a small read for one event, and still the speed of the disk


def pack(array: np.ndarray) -> tuple[str, str, str, bytes]:
    """dtype, shape (JSON), hash and bytes of an array."""
    import numpy as np

    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    data = little.tobytes()
    return little.dtype.str, json.dumps(little.shape), content_hash(data), data


def unpack(dtype: str, shape: str, digest: str, data: bytes, where: str) -> np.ndarray:
    """The array again; `Failed` where the bytes are not those that were stored."""
    import numpy as np

    if content_hash(data) != digest:
        raise Failed(f"{where}: stored numbers do not match their checksum. Run the command that made them again.")
    return np.frombuffer(data, dtype=dtype).reshape(json.loads(shape))


def content_hash(*parts: bytes | str) -> str:
    """A 128-bit BLAKE2 hash of the parts, in hex; parts are kept apart by their lengths."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def settings_hash(settings: Any) -> str:
    """The content hash of JSON-like settings, whatever the order of their keys."""
    return content_hash(json.dumps(settings, sort_keys=True, ensure_ascii=False))


def rows_per_block(bytes_per_row: int) -> int:
    """How many rows of this size fit one block, at least one."""
    return max(1, BLOCK_BYTES // max(1, bytes_per_row))
