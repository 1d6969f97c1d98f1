"""Items and histories as sentences: the only place where text for a model is made (thesis 4.1).

An item is `Title: …`, in markers where the format is structured. A history is its items, oldest first unless the
format says otherwise, cut to the model's length in tokens: the oldest items go first; a newest item that alone is too
long has its text cut from the end. One renderer serves catalogue, histories, queries and training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.text.prompts import Prompts
from engine.text.special_tokens import Neutraliser, resolve
from store.errors import BadInput
from store.rows import Item

INSTRUCTION = (
    "A user has purchased a sequence of items ordered in chronological order. Each item in the sequence is represented "
    'as "Title: <item title>". The following sentence represents the user history: '
)
NO_DESCRIPTION = "description not available"


class HistoryFormat(StrEnum):
    """How a history becomes one text.

    `newest-first` is `structured` from the newest item to the oldest. `unordered` is `structured` with the items in
    the order of their texts, whatever order they came in; of those that do not all fit, the last in that order are
    read.
    """

    STRUCTURED = "structured"
    UNSTRUCTURED = "unstructured"
    INSTRUCTION_STRUCTURED = "instruction+structured"
    INSTRUCTION_UNSTRUCTURED = "instruction+unstructured"
    NEWEST_FIRST = "newest-first"
    UNORDERED = "unordered"

    @property
    def structured(self) -> bool:
        return self not in (self.UNSTRUCTURED, self.INSTRUCTION_UNSTRUCTURED)

    @property
    def instruction(self) -> str:
        return INSTRUCTION if self in (self.INSTRUCTION_STRUCTURED, self.INSTRUCTION_UNSTRUCTURED) else ""


class ItemText(StrEnum):
    """What is said of an item: its title, also its description, or all its named fields (Yelp)."""

    TITLE = "title"
    TITLE_DESCRIPTION = "title+description"
    FIELDS = "fields"


@dataclass(frozen=True)
class Template:
    """The two choices that turn data into text."""

    history: HistoryFormat = HistoryFormat.STRUCTURED
    item_text: ItemText = ItemText.TITLE


@dataclass(frozen=True)
class Sentence:
    """A text, its token ids with the model's special tokens, and how many items of a history it kept (1 for an item).

    `cut` says that the text of an item was too long for the model.
    """

    text: str
    ids: tuple[int, ...]
    kept: int
    cut: bool


def describe(item: Item, item_text: ItemText) -> str:
    """What is said of an item, without markers and before any cutting.

    >>> describe(Item(0, "k", "Big Hero 6", "", ""), ItemText.TITLE_DESCRIPTION)
    'Title: Big Hero 6 Description: description not available'
    """
    title = f"Title: {item.title}"
    if item_text is ItemText.TITLE:
        return title
    if item_text is ItemText.TITLE_DESCRIPTION:
        return f"{title} Description: {item.description or NO_DESCRIPTION}"
    # Yelp has no descriptions: its categories take their place, as in the thesis (5.2.4).
    names = {"categories": "Description"}
    rest = [
        f"{names.get(name, name.capitalize())}: {value}"
        for name, value in item.fields.items()
        if value and name not in ("name", "title")
    ]
    return " ".join([title, *rest])


class Renderer:
    """Makes sentences for one tokenizer and length, exact in tokens.

    `length` is what the model reads at most, its own special tokens and the prompt included (256 for
    sentence-t5-base).
    """

    def __init__(self, tokenizer: Any, length: int, template: Template, prompts: Prompts = Prompts()) -> None:
        self._tokenizer = tokenizer
        self._tags = resolve(tokenizer)
        self._neutral = Neutraliser(tokenizer)
        self.template = template
        self.budget = length - tokenizer.num_special_tokens_to_add(pair=False)
        tags = self._tags
        structured = template.history.structured
        self._item_frame = (tags.item_start, tags.item_end) if structured else ("", "")
        self._history_frame = (
            prompts.history + template.history.instruction + (tags.sequence_start if structured else ""),
            tags.sequence_end if structured else "",
        )
        self._prompted_item_frame = prompts.item + self._item_frame[0], self._item_frame[1]
        frames = [self._history_frame, self._item_frame, self._prompted_item_frame]
        counts = self._count(["".join(frame) for frame in frames])
        self._history_overhead, self._item_overhead, self._prompted_item_overhead = counts
        needed = max(self._history_overhead + self._item_overhead, self._prompted_item_overhead) + 1
        if self.budget < needed:
            with_prompt = " with its prompt" if prompts else ""
            raise BadInput(
                f"The model reads {length} tokens at most, but the {template.history} format{with_prompt} needs "
                f"{needed} and {length - self.budget} special tokens before the first word of an item. "
                "Choose a backbone that reads more, or --history structured."
            )

    def items(self, items: Sequence[Item]) -> list[Sentence]:
        """One sentence for each item, as the catalogue is encoded."""
        return self.texts([describe(item, self.template.item_text) for item in items])

    def texts(self, bodies: Sequence[str]) -> list[Sentence]:
        """One item sentence for each text (`Title: …`): the catalogue's, or a query that is no item."""
        bodies = [self._neutral(body) for body in bodies]
        room = self.budget - self._prompted_item_overhead
        fitted = self._fit(bodies, room)
        sentences = [self._prompted(body) for body in fitted]
        ids = self._ids(sentences)
        for row in [row for row, tokens in enumerate(ids) if len(tokens) > self._longest]:
            # A tokenizer that joins the prompt and the text otherwise than each alone: settle it by trying.
            less = room
            while len(ids[row]) > self._longest and less > 1:
                less -= 1
                fitted[row] = self._fit([bodies[row]], less)[0]
                sentences[row] = self._prompted(fitted[row])
                ids[row] = self._ids([sentences[row]])[0]
        return [
            Sentence(text, tokens, 1, fit != body)
            for text, tokens, fit, body in zip(sentences, ids, fitted, bodies, strict=True)
        ]

    def uncut(self, bodies: Sequence[str]) -> list[str]:
        """The item sentences as they read where nothing is too long, without counting a token."""
        return [self._prompted(self._neutral(body)) for body in bodies]

    def histories(self, bodies: Sequence[str], histories: Sequence[Sequence[int]]) -> list[Sentence]:
        """One sentence for each history.

        bodies: what is said of each item (`describe`); histories: places in `bodies`, oldest first, none empty.
        """
        used = sorted({place for history in histories for place in history})
        neutral = {place: self._neutral(bodies[place]) for place in used}
        if self.template.history is HistoryFormat.UNORDERED:
            histories = [sorted(history, key=neutral.__getitem__) for history in histories]
        inner = self._separated_counts(neutral)
        plans = [self._plan(history, inner) for history in histories]
        kept = [len(plan) for plan in plans]
        texts = [self._history(neutral, plan) for plan in plans]
        ids = self._ids(texts)
        cut = [False] * len(texts)
        for row in [row for row, tokens in enumerate(ids) if len(tokens) > self._longest]:
            # A newest item too long by itself, or a tokenizer that joins across separators: settle it by trying.
            plan = list(plans[row])
            while len(ids[row]) > self._longest and len(plan) > 1:
                plan = plan[1:]
                texts[row] = self._history(neutral, plan)
                ids[row] = self._ids([texts[row]])[0]
            kept[row] = len(plan)
            if len(ids[row]) > self._longest:
                room = self.budget - self._history_overhead - self._item_overhead
                texts[row] = self._join(self._fit([neutral[plan[0]]], room))
                ids[row] = self._ids([texts[row]])[0]
                cut[row] = True
        return [Sentence(*parts) for parts in zip(texts, ids, kept, cut, strict=True)]

    @property
    def _longest(self) -> int:
        return self.budget + self._tokenizer.num_special_tokens_to_add(pair=False)

    def _plan(self, history: Sequence[int], inner: dict[int, int]) -> Sequence[int]:
        """The newest items whose tokens fit; at least the newest one."""
        room = self.budget - self._history_overhead - inner[history[-1]]
        start = len(history) - 1
        while start > 0 and room - inner[history[start - 1]] >= 0:
            start -= 1
            room -= inner[history[start]]
        return history[start:]

    def _separated_counts(self, bodies: dict[int, str]) -> dict[int, int]:
        """Tokens that each item adds to a history, its markers or its comma included."""
        comma = "" if self.template.history.structured else ","
        counts = self._count([body + comma for body in bodies.values()])
        return dict(zip(bodies, (count + self._item_overhead for count in counts), strict=True))

    def _history(self, bodies: dict[int, str], plan: Sequence[int]) -> str:
        """The sentence of the items of a plan, which are oldest first."""
        newest_first = self.template.history is HistoryFormat.NEWEST_FIRST
        return self._join([bodies[place] for place in (reversed(plan) if newest_first else plan)])

    def _join(self, bodies: Sequence[str]) -> str:
        between = "" if self.template.history.structured else ", "
        before, after = self._history_frame
        return before + between.join(map(self._framed, bodies)) + after

    def _framed(self, body: str) -> str:
        start, end = self._item_frame
        return f"{start}{body}{end}"

    def _prompted(self, body: str) -> str:
        """The sentence of an item by itself, as it stands in the catalogue."""
        start, end = self._prompted_item_frame
        return f"{start}{body}{end}"

    def _fit(self, bodies: Sequence[str], room: int) -> list[str]:
        """Each text, or its longest beginning of at most `room` tokens."""
        counts = self._count(bodies)
        return [
            body if count <= room else self._beginning(body, room) for body, count in zip(bodies, counts, strict=True)
        ]

    def _beginning(self, body: str, room: int) -> str:
        spans = self._tokenizer(body, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ends = [end for _, end in spans["offset_mapping"]]
        for tokens in range(room, 0, -1):
            beginning = body[: ends[tokens - 1]].rstrip()
            # A cut word may fall into more pieces than it had inside the longer text.
            if beginning and self._count([beginning])[0] <= room:
                return beginning
        return body[:1]

    def _count(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        return [len(ids) for ids in self._encode(texts, special=False)]

    def _ids(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        return [tuple(ids) for ids in self._encode(texts, special=True)] if texts else []

    def _encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        return self._tokenizer(  # type: ignore[no-any-return]
            list(texts),
            add_special_tokens=special,
            truncation=False,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
