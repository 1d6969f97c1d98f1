"""The binding tables: every key is in the help, has an id and a sentence, and does one thing."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import walk_packages

import pytest
from conftest import press, screen_text, settle
from textual.binding import Binding
from textual.dom import DOMNode
from textual.events import Key

import workbench
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.screens.help import HelpDialog, sections
from workbench.widgets.filter_line import FilterLine
from workbench.widgets.log_pane import JobLog
from workbench.widgets.search_line import SearchLine
from workbench.widgets.table import Table

AREAS = [
    ("home", ""),
    ("data", "2"),
    ("items", "2 o"),
    ("jobs", "3"),
    ("results", "4"),
    ("compare", "4 space j space a"),
    ("behind", "4 enter"),
    ("experiment", "4 e"),
    ("users", "5"),
    ("edit", "5 e"),
    ("map", "6"),
    ("guide", "7"),
]


def own_bindings(node: DOMNode | type[DOMNode]) -> list[Binding]:
    kinds = node.__mro__ if isinstance(node, type) else type(node).__mro__
    ours = [kind for kind in kinds if kind.__module__.startswith("workbench")]
    return [b for kind in ours for b in kind.__dict__.get("BINDINGS", []) if isinstance(b, Binding)]


@pytest.mark.parametrize(("area", "keys"), AREAS)
async def test_every_binding_has_id_and_tooltip_and_appears_in_help(workspace: Workspace, area: str, keys: str) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, keys)
        screen = app.screen
        listed = {line.id for part in sections(screen, app).values() for line in part}
        present = [screen, app, *(w for w in (Table, FilterLine, SearchLine, JobLog) if screen.query(w))]
        for binding in (b for node in present for b in own_bindings(node)):
            assert binding.id, binding
            assert binding.tooltip, binding
            assert binding.system or binding.id in listed, binding
        await press(pilot, "question_mark")
        assert isinstance(app.screen, HelpDialog)
        assert [line.id for part in app.screen.parts.values() for line in part]


@pytest.mark.parametrize(("area", "keys"), AREAS)
async def test_no_two_bindings_clash(workspace: Workspace, area: str, keys: str) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, keys)
        by_key: Counter[str] = Counter()
        for node in (app.screen, app, Table):
            for binding in own_bindings(node):
                if not binding.system:
                    by_key.update(binding.key.split(","))
        shared = {"enter"}  # a table's Enter is what the area's Enter does
        assert {key for key, count in by_key.items() if count > 1} <= shared


def test_every_binding_id_is_used_once() -> None:
    modules = [import_module(found.name) for found in walk_packages(workbench.__path__, "workbench.")]
    kinds = {kind for module in modules for _, kind in getmembers(module, isclass) if issubclass(kind, DOMNode)}
    ids = Counter(
        b.id for kind in kinds if kind.__module__.startswith("workbench") for b in kind.__dict__.get("BINDINGS", [])
    )
    assert len(ids) > 100
    assert [name for name, count in ids.items() if count > 1] == []


async def test_the_last_line_shows_at_most_seven_keys_and_fits_80_columns(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for keys in ("1", "2", "3", "4", "4 e", "escape space j space a", "5", "6", "7"):
            await press(pilot, keys)
            last = screen_text(app).splitlines()[-1]
            assert last.endswith("? Help  q Quit")
            assert "…" not in last


async def test_escape_goes_back_layer_by_layer_and_never_quits(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        before = screen_text(app)
        await press(pilot, "slash p o p question_mark")  # typed into the filter
        assert len(app.screen_stack) == 1
        await press(pilot, "escape question_mark escape escape escape escape")
        assert app.is_running
        assert screen_text(app) == before


async def test_unknown_keys_do_nothing(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        before = screen_text(app)
        await press(pilot, "w 8 9 ctrl+t f9 ctrl+x exclamation_mark")
        assert screen_text(app) == before


async def test_keys_typed_ahead_of_the_first_frame_break_nothing(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        for key in "n/\x1by4smxcd":
            app.post_message(Key("escape" if key == "\x1b" else "slash" if key == "/" else key, key))
        app.post_message(Key("escape", None))
        await settle(pilot)
        await press(pilot, "escape 1")
        assert "Evaluations  7" in screen_text(app)


async def test_q_quits_and_ctrl_q_quits_from_a_dialog(workspace: Workspace) -> None:
    for keys in ("q", "question_mark ctrl+q"):
        app = Workbench(workspace, readonly=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            for key in keys.split():
                await pilot.press(key)
            await pilot.pause()
            assert not app.is_running or app._exit  # on its way out


async def test_the_palette_offers_the_same_actions(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        offered = {command.title.split("  ")[0] for command in app.get_system_commands(app.screen)}
        wanted = {b.description for b in own_bindings(app.screen) + own_bindings(app) if not b.system}
        assert wanted - {"Commands"} <= offered
        assert "Theme" in offered
        before = app.remembered.results.family
        command = next(c for c in app.get_system_commands(app.screen) if c.title.startswith("Metric"))
        await command.callback()
        assert app.remembered.results.family != before
