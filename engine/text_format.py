"""The text that a model reads: as requested, else as in training."""

from __future__ import annotations

from dataclasses import dataclass

from engine.text.sentences import HistoryFormat, ItemText, Template
from store.rows import Model


@dataclass(frozen=True)
class TextFormat:
    """A choice of history format and item text; None leaves it to the model."""

    history: HistoryFormat | None = None
    item_text: ItemText | None = None

    def of(self, model: Model) -> Template:
        """How sentences are written for a text model; for one that was never trained, structured titles."""
        trained = model.lineage[-1]["settings"] if model.lineage else {}
        return Template(
            self.history or HistoryFormat(trained.get("history", HistoryFormat.STRUCTURED)),
            self.item_text or ItemText(trained.get("item-text", ItemText.TITLE)),
        )
