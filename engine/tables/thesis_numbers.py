"""The thesis' number for an evaluation, where it published one for the same thing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from store.enums import Slice, Split
from store.rows import Dataset, Evaluation, Metric, Model

MAIN_TABLES = ("A.1", "A.2", "5.1", "5.2")  # the first that has the model on the category
FORMATS_TABLE, ITEM_TEXTS_TABLE = "A.3", "A.4"  # both of the model without training, and by format instead of model
STRUCTURED, TITLE = "structured", "title"  # how its main tables write histories and items


@dataclass(frozen=True)
class ThesisNumber:
    """The number, and where it stands: `A.1, Video_Games, st5-only`, with a remark where the data are not the same."""

    value: float
    source: str


class ThesisNumbers:
    """Finds them by the models' variants and the datasets' categories; whatever they are called here."""

    def __init__(self, models: Iterable[Model], datasets: Iterable[Dataset]) -> None:
        from engine.published.thesis import category_of, edition_note

        self._variants = {model.name: model.variant for model in models}
        self._categories = {each.name: (category_of(each), edition_note(each)) for each in datasets}

    def find(self, evaluation: Evaluation, metric: Metric) -> ThesisNumber | None:
        """Its number for all test events of the evaluation's dataset, None if missing."""
        from engine.published.thesis import published

        category, note = self._categories.get(evaluation.dataset, (None, ""))
        if category is None or evaluation.split is not Split.TEST or metric.slice not in (Slice.ALL, Slice.DOMAIN):
            return None
        for table, model in self._table_models(evaluation):
            value = published(table, category, metric.metric, model)
            if value is not None:
                return ThesisNumber(value, ", ".join(filter(None, (table, category, model, note))))
        return None

    def _table_models(self, evaluation: Evaluation) -> list[tuple[str, str]]:
        from engine.published.thesis import MODELS

        variant = self._variants.get(evaluation.model, "")
        history = evaluation.protocol.get("history") or STRUCTURED
        item_text = evaluation.protocol.get("item_text") or TITLE
        if variant not in MODELS or (history, item_text) == (STRUCTURED, TITLE):
            return [(table, MODELS[variant]) for table in MAIN_TABLES if variant in MODELS]
        if variant == "only" and item_text == TITLE:
            return [(FORMATS_TABLE, history)]
        if variant == "only" and history == STRUCTURED:
            return [(ITEM_TEXTS_TABLE, item_text)]
        return []
