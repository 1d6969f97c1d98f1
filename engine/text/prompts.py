"""The words that a backbone wants before each text: E5 reads `query: ` before a question, `passage: ` before a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Prompts:
    """What stands before each history (the query) and before each item (the document); "" for nothing."""

    history: str = ""
    item: str = ""

    def __bool__(self) -> bool:
        return bool(self.history or self.item)

    def __str__(self) -> str:
        return f'"{self.history}" before histories, "{self.item}" before items'

    def document(self) -> dict[str, dict[str, str]]:
        """As it is kept in recipes, protocols and summaries: `{}` without prompts, so that older ones stay equal.

        >>> Prompts("query: ", "passage: ").document()
        {'prompts': {'history': 'query: ', 'item': 'passage: '}}
        """
        return {"prompts": asdict(self)} if self else {}

    @classmethod
    def of(cls, document: Mapping[str, object]) -> Prompts:
        """What `document` kept; none where it holds none, as in all that was made before prompts were applied."""
        kept = document.get("prompts")
        return cls(**kept) if isinstance(kept, dict) else cls()
