"""Markdown, LaTeX and CSV: the same numbers, and text that stays text in each."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.experiments.sheet import Cell, Row
from engine.report import latex, markdown
from engine.report.csv_table import csv_table
from tests.engine.report.hand_made import HOSTILE, ONLY, POP, hostile_report, outcome, report, sheet

TABLE = re.compile(r"(?:^\|.*\|$\n?)+", re.M)


def columns(line: str) -> int:
    """Cells of a Markdown row; an escaped bar ends none."""
    return len(re.split(r"(?<!\\)\|", line.strip())) - 2


@pytest.mark.parametrize("text", [markdown.markdown(report()), markdown.markdown(hostile_report())])
def test_every_markdown_table_has_one_number_of_columns(text: str) -> None:
    tables = TABLE.findall(text)
    assert len(tables) >= 2
    for table in tables:
        counts = {columns(line) for line in table.strip().split("\n")}
        assert len(counts) == 1, table


def test_markdown_shows_numbers_with_their_small_print() -> None:
    text = markdown.markdown(report())
    assert "| <ins>0.0119</ins><br><sub>0.0050–0.0188 · thesis 0.0038</sub> | **0.0713**<br>" in text
    assert "| beauty | ndcg@10 | – | 0.0301 | 253 (240) |" in text
    assert "    st5 train final --datasets beauty\n" in text


def test_markdown_has_no_markup_from_data() -> None:
    text = markdown.markdown(hostile_report())
    prose = "\n".join(line for line in text.split("\n") if not line.startswith("    "))  # commands stand in code blocks
    assert not re.search(r"<(?!/?(sub|sup|ins|br)>)", prose)
    assert "://" not in prose
    assert not re.search(r"(?<!\\)[`\[\]_~$]", prose)
    assert "\x1b" not in text


@given(st.text(max_size=40) | st.text("#-+=*>1.) |", max_size=8))
def test_markdown_text_never_starts_a_block_or_ends_a_cell(text: str) -> None:
    shown = markdown.escaped(text)
    assert "\n" not in shown
    assert not re.match(r"\s*(>|#{1,6}(\s|$)|[-+*](\s|$)|=+$|-+$|\d+[.)](\s|$))", shown)
    assert columns(f"| {shown} |") == 1


@pytest.mark.parametrize("text", ["# h", "- a", "1. a", "2) a", "+ a", "---", "===", "> a", "* a", "    a"])
def test_markdown_blocks_from_data_are_text(text: str) -> None:
    assert re.match(r"(\\|\d+\\|&gt;|a)", markdown.escaped(text))
    assert markdown.escaped("0.5–0.7 of 2026-11-23") == "0.5–0.7 of 2026-11-23"  # and nothing more is touched


@given(st.text(max_size=40))
def test_latex_text_has_only_signs_that_the_fonts_have_and_no_command_of_its_own(text: str) -> None:
    shown = latex.escaped(text)
    assert all(sign.isascii() or 0xC0 <= ord(sign) <= 0xFF for sign in shown)
    bare = re.sub(r"\\text[a-z]+\{\}|\\ldots\{\}|\$(\\[a-z]+|-)\$|\\[{}$&#%_]|\{[-\[\]*,]\}", "", shown)
    assert not re.search(r"[\\{}$&#%_^\[\]*]", bare)


def test_latex_names_what_it_cannot_print() -> None:
    assert latex.escaped("100% of a_b & 日") == r"100\% of a\_b \& {[}U+65E5{]}"
    assert latex.escaped("--datasets") == "{-}{-}datasets"


def test_latex_tables_are_booktabs_with_as_many_cells_as_columns() -> None:
    text = latex.latex(report())
    tables = re.findall(r"\\begin\{longtable\}\{([lr]+)\}\n\\toprule\n(.*?)\\end\{longtable\}", text, re.S)
    assert tables
    for sides, body in tables:
        for line in re.findall(r"^(.+?) \\\\(?: \\addlinespace.*)?$", body, re.M):
            assert len(re.split(r"(?<!\\)&", line)) == len(sides)
    assert r"\textbf{0.0713} \\ {\tiny 0.0500\textendash{}0.0926} \\ {\tiny thesis 0.0459}" in text
    assert r"\underline{0.0119}" in text
    assert text.count(r"\begin{") == text.count(r"\end{")


def test_pdflatex_takes_it_whatever_is_in_the_data(tmp_path: Path) -> None:
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("no pdflatex on this machine")
    (tmp_path / "report.tex").write_text(latex.latex(hostile_report()), encoding="utf-8")
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "report.tex"],
        capture_output=True, cwd=tmp_path, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-1000:]


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_every_field_of_every_cell() -> None:
    rows = read(csv_table("main", sheet()))
    assert [(row["experiment"], row["table"], row["metric"], row["column"]) for row in rows] == [
        ("main", "main-keep", "hr@10", "pop"),
        ("main", "main-keep", "hr@10", "only"),
        ("main", "main-keep", "ndcg@10", "only"),  # a cell that is not known has no row
    ]
    for row, cell in zip(rows, (POP, ONLY), strict=False):
        for field in fields(Cell):
            assert row[field.name] == ("" if getattr(cell, field.name) is None else str(getattr(cell, field.name)))


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 1), st.integers(0, 10**9))
def test_csv_gives_back_the_very_numbers(value: float, low: float, n: int) -> None:
    made = Cell(value, low=low, n=n)
    (row,) = read(csv_table("e", sheet(columns=("a",), rows=(Row(("x", "y"), (made,)),))))
    assert (float(row["value"]), float(row["low"]), int(row["n"])) == (asdict(made)["value"], low, n)


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-2", "@SUM(A1)", " =1", "\t=1"])
def test_csv_texts_are_no_formulas(text: str) -> None:
    (row,) = read(csv_table(text, sheet(columns=(text,), rows=(Row((text, text), (Cell(-1.0, note=text),)),))))
    shown = {row["experiment"], row["dataset"], row["metric"], row["column"], row["note"]}
    assert len(shown) == 1
    assert shown.pop().startswith("'")
    assert float(row["value"]) == -1.0  # a number is a number


def test_curves_without_a_table_of_their_own_are_tables() -> None:
    text = markdown.markdown(report(outcome(sheets=())))
    assert "### Short and long histories: ndcg@10" in text
    assert "| 3–5 | 0.0500<br><sub>0.0400–0.0600</sub> |" in text


def test_hostile_texts_come_through_as_they_are() -> None:
    text = csv_table("e", sheet(columns=HOSTILE, rows=(Row(("x", "y"), tuple(Cell(0.1) for _ in HOSTILE)),)))
    found = [row["column"].removeprefix("'") for row in read(text)]
    assert found == [text.replace("\x1b", "�") for text in HOSTILE]
