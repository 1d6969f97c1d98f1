"""The HTML report: whole, alone, safe, and with everything that it should show."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine.experiments.sheet import Cell, Line, Row
from engine.report.document import Map
from engine.report.page import page
from tests.engine.report.hand_made import HOSTILE, curves, hostile_report, outcome, points, report, sheet

EMPTY = {"meta", "br", "img", "link", "input", "hr", "path"}  # path: only within SVG, where it closes itself


class Outline(HTMLParser):
    """Tags as a tree would have them: every end matches its beginning. Keeps texts, attributes and tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def text(self, tag: str) -> str:
        return " ".join(self.texts.get(tag, []))


@pytest.mark.parametrize("document", [report(), hostile_report()], ids=["plain", "hostile"])
def test_it_is_well_formed_and_asks_for_nothing_outside_itself(document: object) -> None:
    text = page(document)  # type: ignore[arg-type]
    outline = Outline(text)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(outline.tags)
    assert outline.tags.count("script") == outline.tags.count("style") == 1
    for name, value in outline.attributes:
        assert not name.startswith("on")
        if name in ("href", "src", "action"):
            assert value.startswith("#")
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_every_link_of_the_contents_leads_somewhere() -> None:
    outline = Outline(page(report(outcome(), outcome(name="Text Format", title="Formats"))))
    anchors = [value for name, value in outline.attributes if name == "id"]
    links = [value[1:] for name, value in outline.attributes if name == "href"]
    assert "experiment-text-format" in links
    assert set(links) <= set(anchors)
    assert len(set(anchors)) == len(anchors)


def test_tables_curves_and_maps_are_all_there() -> None:
    outline = Outline(page(report()))
    assert "All models, seen items kept" in outline.text("h3")
    assert {"Short and long histories", "Items, t-SNE"} <= set(outline.texts["h3"])
    assert outline.texts["span"][:3] == ["0.0119", "0.0713", "0.0301"]
    assert "thesis 0.0038" in outline.text("small")
    assert "0.0050–0.0188" in outline.text("small")
    assert "253 (240)" in outline.text("td")
    small = outline.text("p")
    for words in ("Protocol: full catalogue; seen items kept.", "beauty 0123456789ab.", "Noted.", "60 points"):
        assert words in small
    assert "st5 train final --datasets beauty" in outline.text("pre")
    assert "0.412" in outline.text("dd")


def test_best_second_and_not_significant_are_told_without_colour() -> None:
    best = Cell(0.3, place=1)
    second = Cell(0.2, place=2, significant=False)
    far = Cell(0.1, significant=True)
    text = page(report(outcome(sheet(columns=("a", "b", "c"), rows=(Row(("x", "y"), (best, second, far)),)))))
    cells = re.findall(r'<td class="number( best| second|)" data-value="(.*?)"><span>.*?</span><i>(.*?)</i>', text)
    assert [(place.strip(), value, "≈" in sign) for place, value, sign in cells[:3]] == [
        ("best", "0.3", False),
        ("second", "0.2", True),
        ("", "0.1", False),
    ]
    assert "≈ not significantly different from the best" in text


def test_text_from_data_stays_text() -> None:
    outline = Outline(page(hostile_report()))
    for hostile in HOSTILE[:5]:
        assert hostile in outline.text("h2")
        assert hostile in outline.text("th")
    assert "\x1b" not in page(hostile_report())


def test_pictures_are_well_formed_and_hold_every_curve_and_point() -> None:
    pictures = re.findall(r"<svg .*?</svg>", page(report()), re.S)
    trees = [ElementTree.fromstring(picture.replace("&nbsp;", " ")) for picture in pictures]
    chart = next(tree for tree in trees if tree.get("class") == "chart")
    kinds = [path.get("class") for path in chart.findall("path")]
    assert kinds.count("line") == 3
    assert kinds.count("band") == 2  # the third curve has no intervals
    assert {"1", "2", "3–5", "6+", "items", "ndcg@10"} <= {text.text for text in chart.findall("text")}
    plan = next(tree for tree in trees if tree.get("class") == "map")
    markers = [path.get("d", "").count("M") for path in plan.findall("path")]
    assert markers == [20, 20, 20]
    fills = {path.get("style") for path in plan.findall("path")}
    assert len(fills) == 3
    assert len({re.sub(r"M[-\d. ]+", "", path.get("d", "")[:40]) for path in plan.findall("path")}) == 3  # shapes too


def test_a_curve_is_drawn_where_its_numbers_are() -> None:
    """0.02, 0.03, 0.05 and 0.04 on an axis from 0 to 0.06: heights in those proportions."""
    chart = re.search(r'<svg class="chart".*?</svg>', page(report()), re.S)
    assert chart
    tree = ElementTree.fromstring(chart[0])
    ticks = {text.text: float(text.get("y", "0")) - 4 for text in tree.findall("text") if text.get("x") == "50"}
    line = next(path for path in tree.findall("path") if path.get("class") == "line").get("d", "")
    heights = [float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", line)]
    unit = (ticks["0.00"] - ticks["0.06"]) / 6
    assert [round((ticks["0.00"] - y) / unit, 2) for y in heights] == [2, 3, 5, 4]


def test_when_points_are_a_sample_or_lost_the_map_says_so() -> None:
    many = points(4_000, 12_101)
    assert "4,000 of 12,101 points, drawn with seed 0." in page(report(maps={7: many}))
    assert "the stored points are gone" in page(report(maps={}))


def test_when_there_is_one_point_or_one_tick_it_is_drawn() -> None:
    one = points(1, 1)
    figure = replace(curves(), ticks=("1",), lines=(Line("a", (Cell(0.0, 0.0, 0.0),)), Line("b", (None,))))
    text = page(report(outcome(figures=(*outcome().figures, figure)), maps={7: Map(("a",), one.group, one.xy, 1)}))
    Outline(text)
    assert not re.search(r"\bnan\b", text)


def test_columns_without_numbers_are_left_out_and_named() -> None:
    rows = (Row(("beauty", "hr@10"), (Cell(0.5), None)),)
    text = page(report(outcome(sheet(rows=rows, columns=("pop", "itempre")), figures=())))
    assert "Without numbers here: itempre." in text
    assert not re.search(r"<button[^>]*>itempre", text)


def test_the_same_report_gives_the_same_bytes() -> None:
    assert page(report()) == page(report())


def test_a_click_on_a_head_sorts_and_says_so(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium on this machine to click with")
    rows = tuple(Row((name,), (cell,)) for name, cell in (("b", Cell(10.0)), ("a", None), ("c", Cell(9.0))))
    text = page(report(outcome(sheet(heads=("dataset",), columns=("pop",), rows=rows), figures=())))
    # Twice on the number's head: largest first, then smallest; once on the first head: by name. Then back to no order.
    script = """<script>
      const table = document.querySelector("table");
      const heads = [...table.querySelectorAll("thead button")];
      const order = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent).join("")
        + ":" + [...table.querySelectorAll("thead th")].map((head) => head.ariaSort).join(",");
      const seen = [order()];
      for (const place of [1, 1, 1, 0]) { heads[place].click(); seen.push(order()); }
      document.title = seen.join(" ");
    </script>"""
    file = tmp_path / "report.html"
    file.write_text(text.replace("</body>", f"{script}</body>"), encoding="utf-8")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", file.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title
    assert title[1].split() == [
        "bac:none,none", "bca:none,descending", "cba:none,ascending", "bac:none,none", "abc:ascending,none",
    ]  # fmt: skip
