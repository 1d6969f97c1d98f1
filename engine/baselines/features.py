"""Text features of items: the vectors of any text model for their titles."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from engine.encoding.embedding import Vectors
from engine.encoding.encoder import Encoder
from engine.progress import Progress, silent
from engine.text.sentences import ItemText, Template, describe
from store.rows import Item

TEMPLATE = Template()  # the titles as text models rank them, so that their vectors are shared


def item_features(
    db: sqlite3.Connection,
    encoder: Encoder,
    items: Sequence[Item],
    progress: Progress = silent,
    *,
    keep: bool = True,
) -> np.ndarray:
    """Unit vectors float32 [I, F] of the titles, out of the store; what is new is encoded and, with `keep`, stored."""
    bodies = [describe(item, ItemText.TITLE) for item in items]
    return Vectors(db, encoder, progress, keep=keep).of_items(encoder.renderer(TEMPLATE), bodies)
