"""What text from data may do to a terminal: nothing."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from store.plain_text import plain


def test_escape_codes_are_seen_but_not_obeyed() -> None:
    assert plain("a\x1b[31mb\x07c\x9bd") == "a�[31mb�c�d"


def test_line_ends_and_tabs_become_blanks() -> None:
    assert plain("a\nb\tc\r\nd\u2028e") == "a b c  d e"
    assert plain("a\nb\r\nc\td", keep_lines=True) == "a\nb\nc d"


def test_marks_that_turn_the_line_around_are_replaced_and_the_letters_stay() -> None:
    assert plain("\u202eabc\u2066 שלום") == "�abc� שלום"


def test_unseen_characters_are_dropped() -> None:
    assert plain("so\u00adft\ufeff\U000e0041") == "soft"


def test_emoji_wide_and_combining_characters_stay() -> None:
    assert plain("👩‍🚀 漢字 é") == "👩‍🚀 漢字 é"


@given(st.text(st.characters(), max_size=200))
def test_nothing_of_control_or_direction_is_left(text: str) -> None:
    shown = plain(text)
    assert all(unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    assert all(unicodedata.bidirectional(c) not in ("LRE", "RLE", "LRO", "RLO", "PDF") for c in shown)
    assert plain(shown) == shown
