"""How events are divided into train, valid and test, and which of them a cap keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from store.enums import Split, SplitKind
from store.errors import BadInput

# The boundaries that the publishers of Amazon Reviews'23 use for every domain (8:1:1 over all of them together).
PUBLIC_T1 = 1_628_643_414_042
PUBLIC_T2 = 1_658_002_729_837
SHARES = (0.8, 0.1, 0.1)
ORDER = (Split.TRAIN, Split.VALID, Split.TEST)  # position = the code used in arrays
LEAKS = "leaks across users: train events of one user may be later than test events of another"


@dataclass(frozen=True)
class Cut:
    """The chosen division: `t1`, `t2` in ms for `timestamp` and `quantile`, None for the others."""

    kind: SplitKind
    t1: int | None = None
    t2: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What the dataset records about its division."""
        if self.kind is SplitKind.LEAVE_ONE_OUT:
            return {"note": LEAKS}
        if self.t1 is None:
            return {}
        shares = {"shares": list(SHARES)} if self.kind is SplitKind.QUANTILE else {}
        return {"t1": self.t1, "t2": self.t2, **shares}


def by_time(timestamps: np.ndarray, t1: int, t2: int) -> np.ndarray:
    """Codes (int8 [E]: 0 train, 1 valid, 2 test) with train < t1 <= valid < t2 <= test."""
    return (timestamps >= t1).astype(np.int8) + (timestamps >= t2).astype(np.int8)


def quantile_boundaries(timestamps: np.ndarray) -> tuple[int, int]:
    """t1 and t2 (ms) that come nearest to 80/10/10 of the events; events of the same moment stay together.

    A boundary is a timestamp that occurs, or one past the last; of two equally near the earlier one is taken.
    """
    moments, counts = np.unique(timestamps, return_counts=True)
    before = np.concatenate([[0], np.cumsum(counts)])  # events before each moment, and before "one past the last"
    candidates = np.append(moments, moments[-1] + 1)
    first = int(np.argmin(np.abs(before - SHARES[0] * len(timestamps))))
    rest = np.abs(before - (SHARES[0] + SHARES[1]) * len(timestamps)).astype(float)
    rest[: min(first + 1, len(candidates) - 1)] = np.inf
    return int(candidates[first]), int(candidates[int(np.argmin(rest))])


def leave_one_out(position: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Codes (int8 [E]) for events at `position` of a user's `length` interactions: last test, the one before valid.

    A user of two interactions has one event (test), a user of one has none: the first has nothing before it.
    """
    from_end = length - 1 - position
    return np.maximum(2 - from_end, 0).astype(np.int8)


def under_caps(
    codes: np.ndarray, caps: tuple[int, int, int], seed: int, users: np.ndarray, items: np.ndarray
) -> np.ndarray:
    """Mask (bool [E]) of at most `caps` events of train, valid and test, as a seeded shuffle would pick them.

    users, items: hashes (uint64 [E]) of the keys, so that the choice does not depend on the order of the file's rows.
    """
    order = mixed(mixed(users + np.uint64(seed & 0xFFFF_FFFF_FFFF_FFFF)) ^ items)
    keep = np.ones(len(codes), dtype=bool)
    for code, cap in enumerate(caps):
        rows = np.flatnonzero(codes == code)
        if len(rows) > cap:
            keep[rows[np.argsort(order[rows], kind="stable")[cap:]]] = False
    return keep


def key_hashes(keys: Sequence[str]) -> np.ndarray:
    """64-bit hashes (uint64) of texts, the same on every machine and in every version."""
    digests = b"".join(hashlib.blake2b(key.encode(), digest_size=8).digest() for key in keys)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def check_boundaries(t1: int | None, t2: int | None) -> tuple[int, int]:
    """Both boundaries, in order; otherwise BadInput."""
    if t1 is None or t2 is None:
        missing = "--t1" if t1 is None else "--t2"
        raise BadInput(
            f"--split timestamp: {missing} is missing. Pass --t1 and --t2 in ms since 1970, "
            "or --split quantile to have them chosen at 80 % and 90 % of the events."
        )
    if t1 >= t2:
        raise BadInput(
            f"--t1 {t1} is not before --t2 {t2}. Train is before t1, valid from t1 to before t2, test from t2 on."
        )
    return t1, t2


def mixed(values: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every input bit changes half of the output bits."""
    state = values + np.uint64(0x9E37_79B9_7F4A_7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return state ^ (state >> np.uint64(31))
