"""The models that st5 brings along; the registry has them, and those of installed packages."""

from __future__ import annotations

from engine.baselines.settings import (
    ItemKnnSettings,
    LateSettings,
    RecencySettings,
    SasRecSettings,
    StarSettings,
    UniSRecSettings,
)
from engine.protocol import item_titles, newest_item_read, sentences_read, weights_used, window_read
from engine.registry import ONLY, ModelSpec

TEXT = ModelSpec(
    ONLY,
    "a sentence encoder: histories and items are sentences, scores are cosines (thesis 4.2)",
    version="text 1",
    scoring="engine.scoring:text",
    protocol=sentences_read,
    reads_sentences=True,
)

BASELINES = (
    ModelSpec(
        "pop",
        "how often an item occurs in the train part (thesis 3.5.1)",
        version="pop 1",
        scoring="engine.scoring:popular",
    ),
    ModelSpec(
        "pop-recent",
        "how often an item occurs in the newest tenth of the train part",
        version="pop-recent 1",
        scoring="engine.scoring:recently_popular",
    ),
    ModelSpec(
        "last-item",
        "the items whose text is nearest to that of the newest item",
        version="last-item 1",
        scoring="engine.scoring:last_item",
        vectors=True,
        protocol=newest_item_read,
        reads_sentences=True,
    ),
    ModelSpec(
        "bm25",
        "the items whose titles share the rarest words with those of the history",
        version="bm25 1",
        scoring="engine.baselines.bm25:TitleScoring",
        protocol=item_titles,
    ),
    ModelSpec(
        "item-knn",
        "what comes near the history's items in the sequences of others",
        version="item-knn 1",
        scoring="engine.baselines.item_knn:ItemKnnScoring",
        settings=ItemKnnSettings,
    ),
    ModelSpec(
        "recency",
        "whitened text vectors: a history is their mean, the newest weighing most",
        version="recency 1",
        scoring="engine.baselines.recency:RecencyScoring",
        vectors=True,
        settings=RecencySettings,
        fit="engine.baselines.recency:fit",
        protocol=weights_used,
    ),
    ModelSpec(
        "star",
        "recency and item-knn added, without training (Lee et al. 2024)",
        version="star 1",
        scoring="engine.baselines.star:StarScoring",
        vectors=True,
        settings=StarSettings,
        fit="engine.baselines.star:fit",
        protocol=weights_used,
    ),
    ModelSpec(
        "sasrec",
        "a Transformer over item ids (thesis 3.5, B.1)",
        version="sasrec 1",
        scoring="engine.baselines.sasrec:scoring",
        settings=SasRecSettings,
        fit="engine.baselines.sasrec:fit",
        random=True,
        protocol=window_read,
    ),
    ModelSpec(
        "unisrec",
        "the same over the items' text vectors (thesis 3.5)",
        version="unisrec 1",
        scoring="engine.baselines.unisrec:scoring",
        vectors=True,
        settings=UniSRecSettings,
        fit="engine.baselines.unisrec:fit",
        random=True,
        protocol=window_read,
    ),
    ModelSpec(
        "late",
        "recency with a learned map of the vectors, learned weights by age and a small Transformer",
        version="late 1",
        scoring="engine.baselines.late:scoring",
        vectors=True,
        settings=LateSettings,
        fit="engine.baselines.late:fit",
        random=True,
        protocol=window_read,
    ),
)
