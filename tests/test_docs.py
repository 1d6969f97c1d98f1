"""The pages of the workbench stay true: their tables of keys, their pictures, their commands and their links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer

from engine.commands.application import application
from scripts.key_tables import PART, TABLES, bindings, filled
from scripts.pictures import PICTURES
from scripts.stage import lines
from workbench.areas import AREAS
from workbench.ui.key_table import known_keys

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted((DOCS / "workbench").glob("*.md"))
WITH_LINKS = [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md")), *PAGES]
LARGEST_KB = 150
PAGE = {"guide": "help"}  # of an area whose page has another name

by_name = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_every_area_has_a_page_and_a_picture() -> None:
    named = {page.stem for page in PAGES}
    drawn = {picture.page for picture in PICTURES}
    assert {PAGE.get(area.name, area.name) for area in AREAS} <= named & drawn
    for area in AREAS:
        assert area.name == TABLES[area.name][0].AREA
        page = DOCS / "workbench" / f"{PAGE.get(area.name, area.name)}.md"
        assert f"<!-- keys: {area.name} -->" in page.read_text()


@by_name
def test_the_tables_of_keys_are_the_binding_tables(page: Path) -> None:
    text = page.read_text()
    assert filled(text) == text, f"python -m scripts.key_tables writes {page.name} anew"


def test_every_key_is_on_a_page() -> None:
    shown = {part[2] for page in PAGES for part in PART.finditer(page.read_text())}
    assert shown == set(TABLES)
    told = {binding.id for kinds in TABLES.values() for binding in bindings(kinds)}
    assert set(known_keys()) - told == set(), "give their part a table in scripts/key_tables.py and on a page"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_every_picture_is_drawn_and_shown(picture) -> None:
    path = DOCS / "workbench" / f"{picture.name}.svg"
    svg = path.read_text()
    ElementTree.fromstring(svg)
    assert len(svg) < LARGEST_KB * 1000
    assert picture.words in "\n".join(lines(svg)), f"{path.name} shows something else"
    assert f"![{picture.says}]({path.name})" in (path.parent / f"{picture.page}.md").read_text()


def test_there_are_no_other_pictures() -> None:
    assert {path.stem for path in DOCS.rglob("*.svg")} == {picture.name for picture in PICTURES}


@pytest.mark.parametrize("page", WITH_LINKS, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, place = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if place:
            assert place in headings(found), target


@by_name
def test_commands_are_understood(page: Path) -> None:
    for command in commands(page):
        words = shlex.split(command)[1:]
        if words and not words[0].startswith("-"):  # options alone open the workbench
            understood(["1" if word == "N" else word for word in words])


def headings(page: Path) -> set[str]:
    """The places that a link can name, as GitHub makes them of headings."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def commands(page: Path) -> list[str]:
    """The `st5 …` commands of a page that are written out."""
    text = page.read_text()
    blocks = [
        line.partition(" #")[0] for block in re.findall(r"```\n(.*?)```", text, re.S) for line in block.splitlines()
    ]
    inline = re.findall(r"`(st5[^`]*)`", text)
    return [one for one in (*blocks, *inline) if one.split()[:1] == ["st5"] and "…" not in one]


def understood(words: list[str]) -> None:
    """Parse a command without running it; fails with what the command line has against it."""
    command, context = typer.main.get_command(application), None
    while True:
        context = command.make_context(command.name or "st5", list(words), parent=context)
        if not hasattr(command, "resolve_command") or not (rest := [*context._protected_args, *context.args]):
            return
        _, command, words = command.resolve_command(context, rest)


@pytest.mark.parametrize("page", [*WITH_LINKS, *sorted(DOCS.glob("report/*.md"))], ids=lambda page: page.name)
def test_every_table_has_a_head_and_as_many_cells_in_each_row(page: Path) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", page.read_text(), re.MULTILINE):
        head, line, *rows = table.splitlines()
        cells = len(re.findall(r"(?<!\\)\|", head)) - 1
        assert re.fullmatch(r"\|(:?-+:?\|)+", line.replace(" ", "")), f"no line of dashes below: {head}"
        for row in (line, *rows):
            assert len(re.findall(r"(?<!\\)\|", row)) - 1 == cells, row
