"""The kinds of models there are, by name; importing them costs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.records import Model

ONLY = "only"
EMBEDDED = "all-MiniLM-L6-v2 (embedded)"


@dataclass(frozen=True)
class Baseline:
    """A kind of model to compare with.

    version: changes when its scores do. vectors: it needs those of a text model. trained: it learns weights of its own
    from each dataset's train part.
    """

    version: str
    summary: str
    vectors: bool = False
    trained: bool = False


BASELINES = {
    "pop": Baseline("pop 1", "how often an item occurs in the train part (thesis 3.5.1)"),
    "pop-recent": Baseline("pop-recent 1", "how often an item occurs in the newest tenth of the train part"),
    "last-item": Baseline("last-item 1", "the items whose text is nearest to that of the newest item", vectors=True),
    "bm25": Baseline("bm25 1", "the items whose titles share the rarest words with those of the history"),
    "sasrec": Baseline("sasrec 1", "a Transformer over item ids (thesis 3.5, B.1)", trained=True),
    "unisrec": Baseline("unisrec 1", "the same over the items' text vectors (thesis 3.5)", vectors=True, trained=True),
}


def trains(model: Model) -> bool:
    """Whether this is a baseline with weights of its own for each dataset."""
    return model.kind == "baseline" and BASELINES[model.variant].trained
