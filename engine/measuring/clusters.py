"""Values of events summed per user, in whole numbers, so that every sum over users is exact.

A metric is rounded to a multiple of 2⁻³³ or finer (at 100,000 events; an error below 6·10⁻¹¹), and all sums of such
multiples fit into the 53 bits of float64. So they come out the same in any order, on any number of threads, and
beside any other column; and two models that tie in a replicate tie exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from store.errors import BadInput

EXACT_BITS = 53  # integers up to 2^53 are exact in float64
LARGEST_WEIGHT_BITS = 3  # the bootstrap counts a user up to 8 times


@dataclass(frozen=True)
class UserIndex:
    """Whose events are looked at: number int64 [E] counts the users of a whole evaluation from 0, by id.

    `events` is how many the evaluation has: a part of them is weighed as it is within the whole.
    """

    number: np.ndarray
    events: int

    @classmethod
    def of(cls, users: np.ndarray) -> UserIndex:
        """All events of an evaluation; users: integer [E], any ids."""
        return cls(np.unique(users, return_inverse=True)[1].reshape(-1), len(users))

    def __len__(self) -> int:
        return len(self.number)


class Clusters:
    """Values of E events in the order of their users."""

    def __init__(self, values: np.ndarray, user_index: UserIndex) -> None:
        """values: float64 [E, M]; BadInput where lengths differ or a value is not finite."""
        values = np.asarray(values, np.float64)
        if values.ndim != 2 or len(user_index) != len(values):
            raise BadInput(
                f"Values of shape {values.shape} and users of shape {user_index.number.shape}: "
                "one row of values and one user per event are needed."
            )
        extremes = values.max(initial=0.0), values.min(initial=0.0)
        if not np.isfinite(extremes).all():
            raise BadInput("A value is NaN or infinite, so a mean over it would say nothing.")
        largest = max(1.0, *np.abs(extremes).tolist())
        self.events = len(user_index)
        self.columns = values.shape[1]
        bits = int(np.frexp(largest)[1]) + int(np.frexp(max(1, user_index.events))[1])
        self.scale = 2.0 ** (EXACT_BITS - LARGEST_WEIGHT_BITS - bits)
        self.values = np.multiply(values.T, self.scale, order="C")
        np.rint(self.values, out=self.values)  # whole numbers, [M, E]
        self.user = user_index.number
        self._order: np.ndarray | None = None
        if (np.diff(self.user) < 0).any():
            self._order = np.argsort(self.user, kind="stable")
            self.user, self.values = self.user[self._order], np.take(self.values, self._order, axis=1)

    def blocks(self, users_at_a_time: int) -> Iterator[tuple[int, slice]]:
        """The first user of each block that has events, and its rows."""
        last = int(self.user[-1]) if self.events else -1
        for first in range(0, last + 1, users_at_a_time):
            start, stop = np.searchsorted(self.user, (first, first + users_at_a_time))
            if stop > start:
                yield first, slice(int(start), int(stop))

    def ordered(self, mask: np.ndarray) -> np.ndarray:
        """A mask over events, bool [E], in the order of users."""
        mask = np.asarray(mask, bool)
        return mask if self._order is None else mask[self._order]

    def sums(self, rows: slice, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the events of a block that are `inside` (bool, one per row): their users, and what each contributes.

        users int64 [N], ascending; whole numbers float64 [2M + 2, N]: M sums, M means, events, 1.
        """
        user = self.user[rows]
        values = self.values[:, rows]
        if not inside.all():
            user, values = user[inside], values[:, inside]
        starts = np.flatnonzero(np.diff(user, prepend=-1))
        found = np.empty((2 * self.columns + 2, len(starts)))
        sums, means, events = found[: self.columns], found[self.columns : -2], found[-2]
        events[:] = np.diff(starts, append=len(user))
        if len(starts) == len(user):
            sums[:] = means[:] = values
        else:
            np.add.reduceat(values, starts, axis=1, out=sums)
            np.rint(np.divide(sums, events, out=means), out=means)
        found[-1] = 1
        return user[starts], found
