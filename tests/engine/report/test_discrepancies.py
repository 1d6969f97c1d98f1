"""Where our numbers contradict the thesis: which pairs count, and when they are told."""

from __future__ import annotations

from dataclasses import replace

from engine.experiments.sheet import Cell, Outcome, Row, Sheet
from engine.report.discrepancies import discrepancies


def cell(
    value: float, published: float | None, *, half: float = 0.01, rank: int = 0, significant: bool | None = None
) -> Cell:
    return Cell(value, value - half, value + half, n=100, place=rank, significant=significant, published=published)


def outcome(*rows: Row, columns: tuple[str, ...] = ("pop", "only", "sasrec"), lower_is_better: bool = False) -> Outcome:
    table = Sheet(
        "t", "All models", ("dataset", "metric"), columns, rows, 4, lower_is_better, fingerprints={"books": "f"}
    )
    return Outcome("main", "All models", "A.1", (table,), ())


def test_the_other_way_round_and_significant_is_told_in_a_sentence() -> None:
    """The thesis: only 0.05 over pop 0.01. Here: pop 0.30 over only 0.10, intervals ±0.01."""
    row = Row(("books", "hr@10"), (cell(0.30, 0.01), cell(0.10, 0.05), None))
    compared, found = discrepancies([outcome(row)], {"books": "another edition of the data (2014)"})
    assert "better: 1. The other way round here: 1; significantly so: 1 (" in compared
    assert found == (
        "books, another edition of the data (2014). All models: the thesis has “only” ahead of “pop”, here “pop” is "
        "significantly ahead of “only”. hr@10 0.3000 against 0.1000 (thesis 0.0100 against 0.0500).",
    )


def test_metrics_of_one_pair_share_a_sentence() -> None:
    rows = [Row(("books", name), (cell(0.30, 0.01), cell(0.10, 0.05), None)) for name in ("hr@10", "ndcg@10")]
    _, (sentence,) = discrepancies([outcome(*rows)], {})
    assert "hr@10 0.3000" in sentence
    assert "; ndcg@10 0.3000" in sentence


def test_the_same_way_round_is_not_told() -> None:
    row = Row(("books", "hr@10"), (cell(0.10, 0.01), cell(0.30, 0.05), None))
    compared, found = discrepancies([outcome(row)], {})
    assert "The other way round here: 0; significantly so: 0 (" in compared
    assert found == ()


def test_overlapping_intervals_are_counted_but_not_told() -> None:
    row = Row(("books", "hr@10"), (cell(0.101, 0.01), cell(0.100, 0.05), None))
    compared, found = discrepancies([outcome(row)], {})
    assert "The other way round here: 1; significantly so: 0 (" in compared
    assert found == ()


def test_the_tables_own_test_decides_where_it_compared_the_two() -> None:
    best, other = cell(0.30, 0.01, rank=1, significant=True), cell(0.10, 0.05)
    for said, told in ((True, 1), (False, 0), (None, 1)):  # None: not tested, so the intervals decide
        row = Row(("books", "hr@10"), (best, replace(other, significant=said), None))
        assert len(discrepancies([outcome(row)], {})[1]) == told


def test_many_comparisons_ask_for_more_certainty() -> None:
    """One pair that is 2.8 standard errors apart (p 0.005) is told alone, and not among twenty pairs: 20 × 0.005."""
    row = Row(("books", "hr@10"), (cell(0.12, 0.01), cell(0.10, 0.05, half=0.0099), None))
    agreeing = [Row((f"d{n}", "hr@10"), (cell(0.1, 0.01), cell(0.3, 0.05), None)) for n in range(19)]
    assert len(discrepancies([outcome(row)], {})[1]) == 1
    assert len(discrepancies([outcome(row, *agreeing)], {})[1]) == 0


def test_errors_are_better_when_lower() -> None:
    row = Row(("books", "rmse"), (cell(1.0, 1.46), cell(1.3, 1.385)))
    _, (sentence,) = discrepancies([outcome(row, columns=("mean", "dense"), lower_is_better=True)], {})
    assert "the thesis has “dense” ahead of “mean”, here “mean” is significantly ahead" in sentence


def test_equal_or_single_published_numbers_say_nothing() -> None:
    rows = (
        Row(("books", "hr@10"), (cell(0.30, 0.05), cell(0.10, 0.05), cell(0.2, None))),
        Row(("books", "hr@50"), (cell(0.30, 0.05), cell(0.10, None), None)),
    )
    assert discrepancies([outcome(*rows)], {}) == ("No two numbers here have published counterparts to compare.", ())
