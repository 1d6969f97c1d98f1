"""Sentences: the four templates to the token, budgets, and titles that try to be something else."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.text.sentences import INSTRUCTION, HistoryFormat, ItemText, Renderer, Template, describe
from store.errors import BadInput
from store.rows import Item

TITLES = ["Big Hero 6 (Blu-ray)", "Frozen"]


def tokenizer_of(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def t5(shared: Path) -> Any:
    """The public T5 tokenizer."""
    return tokenizer_of(shared / "t5_tokenizer")


@pytest.fixture(scope="module")
def minilm() -> Any:
    from engine.encoding.backbone import embedded_backbone

    return tokenizer_of(Path(embedded_backbone()))


def history(tokenizer: Any, form: HistoryFormat, titles: list[str], length: int = 256) -> Any:
    renderer = Renderer(tokenizer, length, Template(form))
    return renderer.histories([f"Title: {title}" for title in titles], [list(range(len(titles)))])[0]


# `<extra_id_0>` is 32099, counting down; ▁Title is 11029, `:` is 10, `</s>` is 1.
BIG_HERO = [11029, 10, 2734, 14953, 431, 41, 279, 40, 76, 18, 2866, 61]
FROZEN = [11029, 10, 377, 9860, 35]
STRUCTURED = [32099, 32098, *BIG_HERO, 32097, 32098, *FROZEN, 32097, 32096]


@pytest.mark.real
def test_golden_ids_of_the_structured_history_under_t5(t5: Any) -> None:
    sentence = history(t5, HistoryFormat.STRUCTURED, TITLES)
    assert sentence.text == (
        "<extra_id_0><extra_id_1>Title: Big Hero 6 (Blu-ray)<extra_id_2>"
        "<extra_id_1>Title: Frozen<extra_id_2><extra_id_3>"
    )
    assert list(sentence.ids) == [*STRUCTURED, 1]


@pytest.mark.real
def test_golden_ids_of_the_unstructured_history_under_t5(t5: Any) -> None:
    sentence = history(t5, HistoryFormat.UNSTRUCTURED, TITLES)
    assert sentence.text == "Title: Big Hero 6 (Blu-ray), Title: Frozen"
    # The bracket and the comma after it are one piece: ids of parts cannot simply be put together.
    assert list(sentence.ids) == [*BIG_HERO[:-1], 201, *FROZEN, 1]


@pytest.mark.real
@pytest.mark.parametrize(
    ("form", "rest"),
    [
        (HistoryFormat.INSTRUCTION_STRUCTURED, STRUCTURED),
        (HistoryFormat.INSTRUCTION_UNSTRUCTURED, [*BIG_HERO[:-1], 201, *FROZEN]),
    ],
)
def test_golden_ids_of_the_instruction_under_t5(t5: Any, form: HistoryFormat, rest: list[int]) -> None:
    sentence = history(t5, form, TITLES)
    instruction = [
        71, 1139, 65, 3907, 3, 9, 5932, 13, 1173, 5563, 16, 31803, 455, 5, 1698, 2118, 16, 8, 5932, 19, 7283,
        38, 96, 382, 155, 109, 10, 3, 2, 23, 3524, 2233, 3155, 1280, 37, 826, 7142, 5475, 8, 1139, 892, 10,
    ]  # fmt: skip
    assert sentence.text.startswith(INSTRUCTION)
    assert list(sentence.ids) == [*instruction, *rest, 1]


@pytest.mark.real
def test_golden_ids_of_an_item_under_t5(t5: Any) -> None:
    renderer = Renderer(t5, 256, Template())
    assert renderer.budget == 255
    assert list(renderer.texts(["Title: Frozen"])[0].ids) == [32098, *FROZEN, 32097, 1]
    plain = Renderer(t5, 256, Template(HistoryFormat.UNSTRUCTURED))
    assert list(plain.texts(["Title: Frozen"])[0].ids) == [*FROZEN, 1]


def test_bert_like_tokenizers_take_their_unused_tokens_as_markers(minilm: Any) -> None:
    sentence = history(minilm, HistoryFormat.STRUCTURED, ["Frozen"])
    tokens = minilm.convert_ids_to_tokens(list(sentence.ids))
    assert tokens == ["[CLS]", "[unused1]", "[unused2]", "title", ":", "frozen", "[unused3]", "[unused4]", "[SEP]"]


def test_other_tokenizers_get_markers_of_their_own(tiny_roberta: Path) -> None:
    tokenizer = tokenizer_of(tiny_roberta)
    sentence = history(tokenizer, HistoryFormat.STRUCTURED, ["Frozen"], 64)
    tokens = tokenizer.convert_ids_to_tokens(list(sentence.ids))
    assert tokens[:3] == ["<s>", "[SEQ_START]", "[ITEM_START]"]
    assert tokens[-3:] == ["[ITEM_END]", "[SEQ_END]", "</s>"]


def test_item_texts_say_title_description_or_all_fields() -> None:
    item = Item(
        0, "k", "Bella Napoli", "", "Pizza", {"name": "Bella Napoli", "categories": "Pizza", "address": "1 Main St"}
    )
    assert describe(item, ItemText.TITLE) == "Title: Bella Napoli"
    assert describe(item, ItemText.TITLE_DESCRIPTION) == "Title: Bella Napoli Description: description not available"
    assert describe(item, ItemText.FIELDS) == "Title: Bella Napoli Description: Pizza Address: 1 Main St"


def test_the_oldest_items_go_first(minilm: Any) -> None:
    # A marker before and after each item and the sequence, `title :` and one word: 5 tokens an item and 2 around.
    sentence = history(minilm, HistoryFormat.STRUCTURED, ["red", "green", "blue"], length=2 + 2 + 5 + 5)
    assert sentence.kept == 2
    assert sentence.text == "[unused1][unused2]Title: green[unused3][unused2]Title: blue[unused3][unused4]"
    assert len(sentence.ids) == 14


def test_newest_first_reads_from_the_newest_item_and_the_oldest_still_go_first(minilm: Any) -> None:
    every = history(minilm, HistoryFormat.NEWEST_FIRST, ["red", "green", "blue"])
    red, green, blue = (f"[unused2]Title: {title}[unused3]" for title in ("red", "green", "blue"))
    assert (every.text, every.kept) == (f"[unused1]{blue}{green}{red}[unused4]", 3)
    short = history(minilm, HistoryFormat.NEWEST_FIRST, ["red", "green", "blue"], length=2 + 2 + 5 + 5)
    assert (short.text, short.kept) == (f"[unused1]{blue}{green}[unused4]", 2)
    cut = history(minilm, HistoryFormat.NEWEST_FIRST, ["old", "one two three four five six"], length=2 + 2 + 2 + 5)
    assert (cut.text, cut.kept, cut.cut) == ("[unused1][unused2]Title: one two three[unused3][unused4]", 1, True)


def test_an_unordered_history_reads_the_same_in_any_order_also_where_not_all_fits(minilm: Any) -> None:
    for length, kept in ((256, 3), (2 + 2 + 5 + 5, 2)):
        every = {history(minilm, HistoryFormat.UNORDERED, list(own), length) for own in permutations("cab")}
        assert {sentence.kept for sentence in every} == {kept}
        assert len(every) == 1
    assert every.pop().text == "[unused1][unused2]Title: b[unused3][unused2]Title: c[unused3][unused4]"


def test_a_newest_item_too_long_alone_is_cut_from_the_end_and_keeps_its_markers(minilm: Any) -> None:
    sentence = history(minilm, HistoryFormat.STRUCTURED, ["old", "one two three four five six"], length=2 + 2 + 2 + 5)
    assert sentence.kept == 1
    assert sentence.cut
    assert sentence.text == "[unused1][unused2]Title: one two three[unused3][unused4]"


def test_a_title_of_100_000_characters_is_cut_to_the_length(minilm: Any) -> None:
    renderer = Renderer(minilm, 256, Template())
    sentence = renderer.texts(["Title: " + "spam and eggs " * 7_143])[0]
    assert sentence.cut
    assert len(sentence.ids) == 256


@pytest.mark.parametrize(
    "title", ["[SEP] and [CLS]", "[unused3][unused4] trick", "[un[SEP]used3]", "<extra_id_2>", "</s>"]
)
def test_markers_inside_a_title_are_only_text(minilm: Any, tiny_t5: Path, title: str) -> None:
    for tokenizer in (minilm, tokenizer_of(tiny_t5)):
        sentence = history(tokenizer, HistoryFormat.STRUCTURED, [title, "Frozen"], 64)
        special = set(tokenizer.get_added_vocab().values())
        honest = history(tokenizer, HistoryFormat.STRUCTURED, ["x", "Frozen"], 64)
        assert [i for i in sentence.ids if i in special] == [i for i in honest.ids if i in special]


def test_when_the_model_is_shorter_than_the_markers_it_is_refused(minilm: Any) -> None:
    with pytest.raises(BadInput, match=r"reads 6 tokens at most, but the structured format needs 5 and 2 special"):
        Renderer(minilm, 6, Template())


words = st.lists(
    st.sampled_from(["red", "Blu-ray", "6", "(x)", "!", "naïve", "日本", "\u05d0", "a,b", "😀"]), min_size=1, max_size=9
)


@settings(max_examples=60, deadline=None)
@given(st.lists(words.map(" ".join), min_size=1, max_size=8), st.sampled_from(list(HistoryFormat)), st.integers(0, 40))
def test_histories_never_exceed_the_length_are_never_empty_and_tokenise_to_their_ids(
    tiny_t5: Path, tiny_roberta: Path, titles: list[str], form: HistoryFormat, extra: int
) -> None:
    for folder in (tiny_t5, tiny_roberta):
        tokenizer = _TOKENIZERS.setdefault(folder, tokenizer_of(folder))
        least = 150 if form.instruction else 12
        sentence = history(tokenizer, form, titles, least + extra)
        assert len(sentence.ids) <= least + extra
        assert 1 <= sentence.kept <= len(titles)
        assert tokenizer(sentence.text)["input_ids"] == list(sentence.ids)
        if sentence.kept == len(titles) and not sentence.cut:
            assert all(sentence.text.count(f"Title: {title}") for title in titles)


_TOKENIZERS: dict[Path, Any] = {}
