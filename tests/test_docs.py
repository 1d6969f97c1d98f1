"""The pages stay true: links, commands, paths, tables of keys and options, pictures."""

from __future__ import annotations

import re
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts import command_reference
from scripts.key_tables import PART, TABLES, bindings, filled
from scripts.pictures import PICTURES
from scripts.stage import lines
from tests.pages import (
    DOCS,
    PAGES,
    ROOT,
    block_commands,
    blocks,
    declared,
    headings,
    inline_commands,
    links,
    name,
    understood,
)
from workbench.areas import AREAS
from workbench.ui.key_table import known_keys

OF_WORKBENCH = [page for page in PAGES if page.parent.name == "workbench"]
DRAWN_BY_HAND = {"architecture"}
LARGEST_KB = 150
OF_THE_SHELL = {"--install-completion", "--show-completion"}  # typer's own
PAGE = {"guide": "help"}  # of an area whose page has another name
PATHS = re.compile(r"(?<![\w/.-])(?:engine|store|workbench|tests|scripts|benchmarks|docs)/[\w./-]*[\w/]")

by_name = pytest.mark.parametrize("page", PAGES, ids=name)


def test_every_area_has_a_page_and_a_picture() -> None:
    named = {page.stem for page in OF_WORKBENCH}
    drawn = {picture.page for picture in PICTURES}
    assert {PAGE.get(area.name, area.name) for area in AREAS} <= named & drawn
    for area in AREAS:
        assert area.name == TABLES[area.name][0].AREA
        page = DOCS / "workbench" / f"{PAGE.get(area.name, area.name)}.md"
        assert f"<!-- keys: {area.name} -->" in page.read_text()


@pytest.mark.parametrize("page", OF_WORKBENCH, ids=name)
def test_the_tables_of_keys_are_the_binding_tables(page: Path) -> None:
    text = page.read_text()
    assert filled(text) == text, f"python -m scripts.key_tables writes {page.name} anew"


def test_every_key_is_on_a_page() -> None:
    shown = {part[2] for page in OF_WORKBENCH for part in PART.finditer(page.read_text())}
    assert shown == set(TABLES)
    told = {binding.id for kinds in TABLES.values() for binding in bindings(kinds)}
    assert set(known_keys()) - told == set(), "give their part a table in scripts/key_tables.py and on a page"


def test_the_page_of_commands_is_what_they_declare() -> None:
    stored = command_reference.PAGE.read_text(encoding="utf-8")
    assert stored == command_reference.page(), "python -m scripts.command_reference writes it anew"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_every_picture_is_drawn_and_shown(picture) -> None:
    path = DOCS / "workbench" / f"{picture.name}.svg"
    svg = path.read_text()
    ElementTree.fromstring(svg)
    assert len(svg) < LARGEST_KB * 1000
    assert picture.words in "\n".join(lines(svg)), f"{path.name} shows something else"
    assert f"![{picture.says}]({path.name})" in (path.parent / f"{picture.page}.md").read_text()


def test_there_are_no_other_pictures() -> None:
    assert {path.stem for path in DOCS.rglob("*.svg")} == {picture.name for picture in PICTURES} | DRAWN_BY_HAND


def test_every_page_is_in_the_menu_of_the_site() -> None:
    menu = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text())
    assert sorted(menu) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES if page.is_relative_to(DOCS))


@by_name
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, place = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if place:
            assert place in headings(found), target


@by_name
def test_commands_are_understood(page: Path) -> None:
    for words in block_commands(page):
        if words and not words[0].startswith("-"):  # options alone open the workbench
            understood(words)


@pytest.mark.parametrize("page", [page for page in PAGES if page != command_reference.PAGE], ids=name)
def test_commands_and_options_within_sentences_exist(page: Path) -> None:
    commands = declared()
    for words in inline_commands(page):
        names = list(takewhile(lambda word: re.fullmatch(r"[a-z]\w*", word), words))
        while names and tuple(names) not in commands:
            names.pop()
        assert names or not words or words[0].startswith("-"), f"no such command: st5 {' '.join(words)}"
        options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert "…" in words or options <= commands[tuple(names)] | OF_THE_SHELL, f"st5 {' '.join(words)}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name)
def test_files_and_folders_that_are_named_exist(page: Path) -> None:
    """Those within code; the changelog also names what is gone."""
    text = page.read_text()
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^(\w+/\S*) ", text, re.MULTILINE)
    named = {path for span in code for path in PATHS.findall(span)}
    assert not {path for path in named if not (ROOT / path).exists()}


@by_name
def test_targets_of_make_and_modules_that_are_named_exist(page: Path) -> None:
    text = page.read_text()
    code = "\n".join([*re.findall(r"`([^`\n]+)`", text), *blocks(page)])
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)", code, re.MULTILINE)) <= targets
    for module in re.findall(r"python -m ((?:scripts|benchmarks|engine)[\w.]*)", code):
        assert find_spec(module), module


@by_name
def test_every_table_has_a_head_and_as_many_cells_in_each_row(page: Path) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", page.read_text(), re.MULTILINE):
        head, line, *rows = table.splitlines()
        cells = len(re.findall(r"(?<!\\)\|", head)) - 1
        assert re.fullmatch(r"\|(:?-+:?\|)+", line.replace(" ", "")), f"no line of dashes below: {head}"
        for row in (line, *rows):
            assert len(re.findall(r"(?<!\\)\|", row)) - 1 == cells, row
