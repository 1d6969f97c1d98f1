"""Events of a user that share a time: where they are, and what decides between them (`--ties`)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import polars as pl

from engine.preparation.splits import key_hashes, mixed
from engine.sources.source_data import FRACTION
from store.errors import BadInput


@dataclass(frozen=True)
class Blocks:
    """Blocks of events that share user and time, in rows sorted by both.

    follows bool [N]: whether the row before is of the same user. tied bool [N]: whether it has the same time too.
    earlier int32 [N]: how many events of the user lie strictly before the row's time.
    """

    follows: np.ndarray
    tied: np.ndarray
    earlier: np.ndarray

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Blocks:
        """The blocks of a frame sorted by user and order; all comparisons are of integers."""
        follows, tied = _beside(frame)
        rows = np.arange(frame.height)
        first_of_block = np.maximum.accumulate(np.where(tied, 0, rows)) if len(rows) else rows
        first_of_user = np.maximum.accumulate(np.where(follows, 0, rows)) if len(rows) else rows
        return cls(follows, tied, (first_of_block - first_of_user).astype(np.int32))

    @property
    def members(self) -> np.ndarray:
        """Whether each row shares its time with any other of its user, bool [N]."""
        return self.tied | np.append(self.tied[1:], False) if len(self.tied) else self.tied

    @property
    def numbers(self) -> np.ndarray:
        """The number of each row's block, int64 [N], rising."""
        return np.cumsum(~self.tied)


def one_rating_each(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows that say the same user, item and time all get the lowest rating known, whichever of them stays.

    frame: sorted by user and time.
    """
    keys = ["user", "item", "order", *([FRACTION] if FRACTION in frame.columns else [])]
    members = Blocks.of(frame).members
    if not members.any():
        return frame
    shared = frame.filter(pl.Series(members))
    repeated = shared.group_by(keys).agg(pl.len().alias("times"), lowest=pl.col("rating").min())
    repeated = repeated.filter(pl.col("times") > 1).drop("times")
    if not repeated.height:
        return frame
    lowest = pl.when(pl.col("lowest").is_not_null()).then("lowest").otherwise("rating").alias("rating")
    return frame.join(repeated, on=keys, how="left", maintain_order="left").with_columns(lowest).drop("lowest")


def shuffled(frame: pl.DataFrame, blocks: Blocks, users: list[str], items: pl.Series, seed: int) -> pl.DataFrame:
    """The frame with the rows of each block in the order of a hash of user key, item key and seed.

    users, items: keys by id. The order depends on no other row, and not on threads or machine.
    """
    members = blocks.members
    if not members.any():
        return frame
    rows = np.flatnonzero(members)
    user, item = (frame[name].to_numpy()[rows] for name in ("user", "item"))
    hashes = tie_hashes(_hashes_of(user, pl.Series(users))[user], _hashes_of(item, items)[item], seed)
    order = pl.DataFrame({"block": blocks.numbers[rows], "hash": hashes, "item": item, "row": rows})
    index = np.arange(frame.height)
    index[rows] = order.sort("block", "hash", "item")["row"].to_numpy()
    return frame[index]


def tie_hashes(users: np.ndarray, items: np.ndarray, seed: int) -> np.ndarray:
    """What orders events of one user and time, uint64 [N], from hashes of the keys.

    The seed goes through a hash under a name of its own, so that caps drawn with the same seed take other events.
    """
    key = int.from_bytes(hashlib.blake2b(f"ties {seed}".encode(), digest_size=8).digest(), "little")
    return mixed(mixed(users ^ np.uint64(key)) ^ items)


def refuse_tied_positions(frame: pl.DataFrame, blocks: Blocks, users: list[str], files: str) -> None:
    """`BadInput` where two events of a user have one position: then the file declares no order between them."""
    tied = int(blocks.tied.sum())
    if not tied:
        return
    row = int(np.argmax(blocks.tied))
    raise BadInput(
        f"{files}: {tied:,} events have the position of another event of their user, such as position "
        f'{frame["order"][row]} of user "{users[frame["user"][row]]}". The positions of a user must differ. Pass '
        "--ties file if the order of the rows decides, or --timestamp-format s, ms or another form if these are times."
    )


def _beside(frame: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    follows, tied = np.zeros(frame.height, bool), np.zeros(frame.height, bool)
    user, order = frame["user"].to_numpy(), frame["order"].to_numpy()
    follows[1:] = user[1:] == user[:-1]
    tied[1:] = follows[1:] & (order[1:] == order[:-1])
    if FRACTION in frame.columns:
        finer = frame[FRACTION].to_numpy()
        tied[1:] &= finer[1:] == finer[:-1]
    return follows, tied


def _hashes_of(ids: np.ndarray, keys: pl.Series) -> np.ndarray:
    """Hashes (uint64) by id, of those ids that occur."""
    found = np.zeros(len(keys), np.uint64)
    distinct = np.unique(ids)
    found[distinct] = key_hashes(keys.gather(distinct).to_list())
    return found
