"""Texts after cleaning: worked examples, then what must hold for any text."""

from __future__ import annotations

import json
import unicodedata

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.preparation.cleaning import Alphabet, clean, clean_categories, clean_fields, clean_text

ASCII, UNICODE = Alphabet.ASCII, Alphabet.UNICODE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Plain title  ", "Plain title"),
        ("Salt &amp; Pepper", "Salt & Pepper"),
        ("<b>Bold</b> <br/>move", "Bold move"),
        ("&lt;i&gt;escaped&lt;/i&gt; tag", "escaped tag"),
        ("H<sub>2</sub>O", "H2O"),
        ("line one\nline\ttwo\r\nthree", "line one line two three"),
        ("Caf\u00e9 \u2013 cr\u00e8me", "Caf cr me"),
        ("caf&eacute;", "caf"),
        ("I <3 cats, 5 < 6 > 2", "I <3 cats, 5 < 6 > 2"),
        ("\x1b[31mred\x1b[0m alert", "red alert"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("nul\x00byte", "nul byte"),
        ("\u4e2d\u6587", ""),
        ("", ""),
        ("<p></p>", ""),
        ("&#27;[2J gone", "[2J gone"),
    ],
)
def test_ascii_cleaning(text: str, expected: str) -> None:
    assert clean_text(text, ASCII) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Caf\u00e9 \u2013 &eacute;", "Caf\u00e9 \u2013 \u00e9"),
        ("\u4e2d\u6587 <b>x</b>", "\u4e2d\u6587 x"),
        ("abc\u202edef\u2066x\u2069", "abcdefx"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("no\u00a0break\u2028line\x85next", "no break line next"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("\u200d \u200c", ""),
        ("\U0001f469\u200d\U0001f373 cook", "\U0001f469\u200d\U0001f373 cook"),
    ],
)
def test_unicode_cleaning(text: str, expected: str) -> None:
    assert clean_text(text, UNICODE) == expected


def test_when_text_cannot_be_encoded_or_counted() -> None:
    assert clean_text("\ud800x", ASCII) == "?x"
    endless = "&#" + "1" * 5_000 + ";"
    assert clean_text(endless, ASCII) == endless


def test_when_a_title_has_100_000_characters_it_stays_whole() -> None:
    title = "word " * 20_000
    assert len(clean_text(title, ASCII)) == 99_999


@given(st.text(), st.sampled_from(Alphabet))
def test_nothing_a_terminal_obeys_remains(text: str, alphabet: Alphabet) -> None:
    cleaned = clean_text(text, alphabet)
    assert not any(unicodedata.category(letter) == "Cc" for letter in cleaned)
    assert not set(cleaned) & set("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
    assert "  " not in cleaned
    assert cleaned == cleaned.strip()
    if alphabet is ASCII:
        assert cleaned.isascii()


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8")), max_size=8), st.sampled_from(Alphabet))
def test_a_column_is_cleaned_like_each_of_its_texts(texts: list[str], alphabet: Alphabet) -> None:
    assert clean(pl.Series("t", texts, dtype=pl.String), alphabet).to_list() == [
        clean_text(text, alphabet) for text in texts
    ]


def test_when_a_text_is_null_it_becomes_empty() -> None:
    assert clean(pl.Series("t", [None, "a"], dtype=pl.String), ASCII).to_list() == ["", "a"]


def test_categories_default_to_the_domain() -> None:
    categories = pl.Series("c", ["Drama| War ||", None, " | ", "<b>Toys</b> &amp; Games", "\u00e9"], dtype=pl.String)
    expected = ["Drama|War", "Shop", "Shop", "Toys & Games", "Shop"]
    assert clean_categories(categories, ASCII, "Shop").to_list() == expected


def test_fields_are_cleaned_value_by_value() -> None:
    fields = ['{"name": "A &amp; B", "address": null, "tags": ["x", "<i>y</i>"]}', None, "[1]", "{broken", '{"e": " "}']
    cleaned = clean_fields(pl.Series("f", fields, dtype=pl.String), ASCII).to_list()
    assert [json.loads(text) for text in cleaned] == [{"name": "A & B", "tags": "x, y"}, {}, {}, {}, {}]
