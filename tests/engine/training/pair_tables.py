"""Pair tables written down by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.training.pairs import PairTable
from engine.training.texts import TextTable


def pair_table(
    anchors: Sequence[int],
    positives: Sequence[int],
    *,
    dataset: Sequence[int] = (),
    user: Sequence[int] = (),
    item: Sequence[int] = (),
    length: Sequence[int] = (),
) -> PairTable:
    """A table whose text t is the single token t; user and item −1 and dataset 0 by default."""
    size = len(anchors)
    table = TextTable()
    for token in range(max([*anchors, *positives], default=-1) + 1):
        table.add([token])
    return PairTable(
        texts=table.texts(),
        anchor=np.array(anchors, np.int32),
        positive=np.array(positives, np.int32),
        dataset=np.array(dataset or [0] * size, np.int32),
        user=np.array(user or [-1] * size, np.int64),
        item=np.array(item or [-1] * size, np.int64),
        length=np.array(length or [0] * size, np.int32),
        identical=0,
    )
