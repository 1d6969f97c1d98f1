"""JSON lines: broken lines are counted and change nothing else."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sources import json_lines
from engine.sources.line_stats import LineStats
from store.errors import BadInput

BROKEN = ['{"a": "x"', "hello", "[1, 2]", "5", "null", '{"a": "x"}{"a": "y"}', '{"a": "x"},', '{"a": "tab\there"}']


def rows(path: Path, block_bytes: int = 1 << 24) -> tuple[list[tuple[Any, ...]], list[str], LineStats]:
    stats = LineStats(path, "lines")
    found: list[tuple[Any, ...]] = []
    locations: list[str] = []
    for part in json_lines.read(path, stats, ["a"], ["l"], block_bytes):
        assert part.frame.schema == {"a": pl.String, "l": pl.List(pl.String)}
        found += part.frame.rows()
        locations += [part.location(row) for row in range(part.frame.height)]
    return found, locations, stats


def test_numbers_stay_text_and_missing_fields_are_null(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"a": "000215949X", "l": ["p", "q"], "other": {"deep": [1]}}\n{"a": 1616156351887}\n{"l": []}\n{"a": 4.5}\n'
    )
    found, _, _ = rows(path)
    assert found == [("000215949X", ["p", "q"]), ("1616156351887", None), (None, []), ("4.5", None)]


def test_a_text_where_a_list_is_expected_is_a_list_of_one(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"l": ["p"]}\n{"l": "A, B \\\\ \\"c\\""}\n{"l": null}\n{"l": ["q", null, 3]}\n')
    assert [row[1] for row in rows(path)[0]] == [["p"], ['A, B \\ "c"'], None, ["q", None, "3"]]


def test_a_field_that_comes_twice_counts_once_on_every_path(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": "first", "a": "second"}\n')
    fast = rows(path)[0]
    path.write_text('{"a": "first", "a": "second"}\n{"a": NaN}\n')
    assert fast == rows(path)[0][:1] == [("first", None)]


def test_nan_as_python_writes_it_is_null(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"a": float("nan"), "l": ["x"]}) + '\n{"a": "b"}\n')
    found, _, stats = rows(path)
    assert found == [(None, ["x"]), ("b", None)]
    assert stats.broken == 0


@pytest.mark.parametrize("broken", BROKEN)
def test_one_broken_line_among_a_hundred_is_counted_and_skipped(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "x.jsonl"
    good = [json.dumps({"a": f"k{i}", "l": [str(i)]}) for i in range(100)]
    path.write_text("\n".join([*good[:41], broken, *good[41:]]))
    found, locations, stats = rows(path)
    assert [row[0] for row in found] == [f"k{i}" for i in range(100)]
    assert locations[40:42] == ["line 41", "line 43"]
    dropped: Counter[str] = Counter()
    stats.finish(dropped)
    assert dropped == {"broken line in lines": 1}


def test_one_broken_line_of_five_is_refused_with_its_share(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": "1"}\n{"a": "2"}\n\n{"a": \n{"a": "4"}\n{"a": "5"}\n')
    stats = rows(path)[2]
    with pytest.raises(BadInput, match=r"line 4: broken JSON .* 1 of 5 lines are broken \(20.00%\); up to 1% would be"):
        stats.finish(Counter())


def test_exactly_one_percent_is_still_accepted(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(['{"a": "1"}'] * 198 + ["broken"] * 2))
    stats = rows(path)[2]
    stats.finish(Counter())
    path.write_text("\n".join(['{"a": "1"}'] * 197 + ["broken"] * 3))
    stats = rows(path)[2]
    with pytest.raises(BadInput, match=r"3 of 200"):
        stats.finish(Counter())


def test_a_hopeless_file_is_given_up_early(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("not json at all\n" * 200_000)
    with pytest.raises(BadInput, match=r"x.jsonl line 1: broken JSON"):
        rows(path)


def test_a_json_array_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('[{"a": 1},\n {"a": 2}]\n')
    with pytest.raises(BadInput, match=r"a JSON array; one object per line"):
        json_lines.fields(path)


def test_a_file_with_other_fields_offers_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"reviewerID": "u", "asin": "i", "parent_asn": "i"}\n')
    with pytest.raises(BadInput, match=r'No field "parent_asin". Did you mean parent_asn'):
        json_lines.require(path, ["parent_asin"])


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
OBJECTS = st.fixed_dictionaries(
    {}, optional={"a": TEXTS | st.none(), "l": st.lists(TEXTS, max_size=3) | TEXTS | st.none(), "z": st.floats(0, 1)}
)
LINES = st.lists(st.one_of(OBJECTS.map(json.dumps), st.sampled_from([*BROKEN, "", "  "])), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(lines=LINES, block_bytes=st.integers(20, 400))
def test_every_path_agrees_with_python_for_any_block_size(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], block_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("json") / "x.jsonl"
    path.write_text("{}\n" + "\n".join(lines))
    expected = [(1, None, None)]
    for number, line in enumerate(lines, start=2):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            entries = value.get("l")
            expected.append((number, value.get("a"), [entries] if isinstance(entries, str) else entries))
    for size in (block_bytes, 1 << 24):
        found, locations, stats = rows(path, size)
        assert [(int(location.split()[1]), *row) for location, row in zip(locations, found, strict=True)] == expected
        assert stats.broken == 1 + sum(bool(line.strip()) for line in lines) - len(expected)
