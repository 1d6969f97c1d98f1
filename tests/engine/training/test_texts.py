"""Texts: equal token sequences are one text, and every text reads back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.texts import TextTable

sequences = st.lists(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=6), max_size=30)


@given(sequences)
def test_equal_sequences_are_one_text_and_read_back(added: list[list[int]]) -> None:
    table = TextTable()
    numbers = [table.add(ids) for ids in added]
    texts = table.texts()
    assert [texts[number].tolist() for number in numbers] == added
    assert len(texts) == len({tuple(ids) for ids in added}) == len(table)
    assert texts.lengths.tolist() == [len(texts[number]) for number in range(len(texts))]
    assert texts.ids.dtype == np.int32
    assert texts.starts.dtype == np.int64


def test_a_copy_grows_apart() -> None:
    table = TextTable()
    assert [table.add(ids) for ids in ([1, 2], [3], [1, 2])] == [0, 1, 0]
    other = table.copy()
    assert [other.add([3]), other.add([4, 5])] == [1, 2]
    assert (len(table.texts()), len(other.texts())) == (2, 3)
    assert other.texts()[2].tolist() == [4, 5]


def test_a_text_that_is_not_there_is_refused() -> None:
    with pytest.raises(IndexError, match="There are 0 texts"):
        TextTable().texts()[0]
