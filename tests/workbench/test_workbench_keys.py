"""The binding tables: every key is in the help, has an id and a sentence, and does one thing."""

from __future__ import annotations

from collections import Counter, defaultdict
from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import walk_packages

import maps
import shop
from conftest import press, screen_text, settle
from textual.binding import Binding
from textual.dom import DOMNode
from textual.events import Key
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, TextArea

import workbench
from engine.jobs.files import job_files
from store.errors import BadInput
from store.models import models
from store.rows import Model
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.help.dialog import HelpDialog, sections
from workbench.ui.key_table import bindings_of, works_over_dialogs
from workbench.ui.model import ModelDialog
from workbench.ui.problem import ProblemDialog, RefusedDialog

# Keys that lead from one screen or dialog to the next, until every kind of them was on top.
PLACES = (
    *("", "2", "tab enter", "escape shift+tab o", "enter", "escape escape 3", "enter", "escape n", "enter"),
    *("escape escape j x", "escape q", "escape 4", "d", "escape o", "escape space j space a", "escape enter"),
    *("escape e", "escape t", "escape 5", "enter", "escape i", "escape f", "escape tab w", "escape e", "a"),
    *("escape escape 6", "i"),
    "escape 7",
    "escape 1 i tab ctrl+o",
)
# What goes one layer back, moves or scrolls gives way to the part in focus, which does the same within itself.
GIVES_WAY = ("back", "close", "scroll(", "move(", "field(", "first", "last")
SHARED = {
    *("slash", "n"),  # in a log in focus as in a pager: find, and the next one found; the last line says so
    "ctrl+c",  # copies what is selected; where nothing is, says how to quit
    *("enter", "up", "down", "left", "right", "pageup", "pagedown"),  # a list's own do what the screen's do
}


def own_bindings(node: DOMNode | type[DOMNode]) -> list[Binding]:
    kinds = node.__mro__ if isinstance(node, type) else type(node).__mro__
    ours = [kind for kind in kinds if kind.__module__.startswith("workbench")]
    return [b for kind in ours for b in kind.__dict__.get("BINDINGS", []) if isinstance(b, Binding)]


def check_help(app: Workbench) -> None:
    """Every key of ours that works here has an id and a sentence, and is in the help."""
    screen = app.screen
    listed = {line.id for part in sections(screen, app).values() for line in part}
    reachable = [screen, app, *(part for part in screen.query("*") if own_bindings(part))]
    for node in reachable:
        for binding in bindings_of(node, app):
            if node is app and isinstance(screen, ModalScreen) and not works_over_dialogs(binding):
                continue
            if binding.id is not None or node in (screen, app):
                assert binding.id, (screen, binding)
                assert binding.tooltip, (screen, binding)
                assert binding.system or binding.id in listed, (screen, node, binding)


def check_clashes(app: Workbench) -> None:
    """No key does one thing where another is meant: of the screen, the app, and each part that can be in focus."""
    screen = app.screen
    over = isinstance(screen, ModalScreen)
    around: dict[str, list[Binding]] = defaultdict(list)
    for binding in (
        *bindings_of(screen, app),
        *(b for b in bindings_of(app, app) if not over or works_over_dialogs(b)),
    ):
        around[binding.key].append(binding)
    for key, bindings in around.items():
        assert len({b.action for b in bindings}) == 1 or key in SHARED, (screen, key, bindings)
    own: dict[str, Binding] = {}
    for binding in own_bindings(screen):  # the screen's own class first: it may not take a key from its parents
        for key in binding.key.split(","):
            first = own.setdefault(key, binding)
            assert first.action == binding.action or binding.action.startswith(GIVES_WAY), (screen, first, binding)
    for part in (part for part in screen.query("*") if part.can_focus):
        types = isinstance(part, Input | TextArea)  # letters and what edits text come first while one types
        for binding in bindings_of(part, app):
            for other in around.get(binding.key, ()):
                same = other.action == binding.action or other.action.startswith(GIVES_WAY) or binding.key in SHARED
                clash = binding.id is not None or not types
                assert same or not clash, (screen, part, binding, other)


async def test_every_key_of_every_screen_and_dialog_is_in_its_help_and_does_one_thing(workspace: Workspace) -> None:
    shop.add_jobs(workspace)
    shop.add_search(workspace)
    maps.add_map(workspace)
    working = job_files(workspace, 5).take()  # as its worker would, so that the job is not marked lost
    assert working is not None
    app = Workbench(workspace)
    seen = set()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for keys in PLACES:
            await press(pilot, keys)
            check_help(app)
            check_clashes(app)
            seen.add(type(app.screen))
            typing = isinstance(app.focused, Input | TextArea)
            await press(pilot, "question_mark")
            assert isinstance(app.screen, HelpDialog) != typing, app.screen
            if typing:
                await press(pilot, "backspace")
            else:
                assert [line.id for part in app.screen.parts.values() for line in part]
                await press(pilot, "escape")
        for dialog in (
            ProblemDialog(BadInput("no")),
            RefusedDialog(BadInput("no")),
            ModelDialog(first_model(workspace)),
        ):
            app.push_screen(dialog)
            await settle(pilot)
            check_help(app)
            check_clashes(app)
            seen.add(type(app.screen))
            await press(pilot, "escape")
    left_out = {kind for kind in screens() if not any(issubclass(one, kind) for one in seen)}
    assert HelpDialog in left_out  # it was over each of them
    assert [kind for kind in left_out if kind.__dict__.get("BINDINGS")] == []  # nothing to be said of the others


def first_model(workspace: Workspace) -> Model:
    with workspace.read() as db:
        return models(db)[0]


def screens() -> set[type[Screen]]:
    """Every screen and dialog of the workbench."""
    modules = [import_module(found.name) for found in walk_packages(workbench.__path__, "workbench.")]
    kinds = {kind for module in modules for _, kind in getmembers(module, isclass) if issubclass(kind, Screen)}
    return {kind for kind in kinds if kind.__module__.startswith("workbench")}


def test_every_binding_id_is_used_once() -> None:
    modules = [import_module(found.name) for found in walk_packages(workbench.__path__, "workbench.")]
    kinds = {kind for module in modules for _, kind in getmembers(module, isclass) if issubclass(kind, DOMNode)}
    ours = [kind for kind in kinds if kind.__module__.startswith("workbench")]
    bindings = {id(b): b for kind in ours for b in kind.__dict__.get("BINDINGS", [])}  # some are shared
    ids = Counter(binding.id for binding in bindings.values())
    assert len(ids) > 100
    assert [name for name, count in ids.items() if count > 1] == []


async def test_the_last_line_shows_at_most_seven_keys_and_fits_80_columns(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for keys in ("1", "2", "3", "4", "4 e", "escape t", "escape space j space a", "5", "6", "7"):
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
            assert not app.is_running or app.return_code == 0  # on its way out


async def test_the_palette_offers_the_same_actions(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        offered = {command.title.split("  ")[0] for command in app.get_system_commands(app.screen)}
        wanted = {b.description for b in own_bindings(app.screen) + own_bindings(app) if not b.system}
        assert wanted - {"Commands"} <= offered
        assert "Theme" in offered
        before = app.ui_state.results.family
        command = next(c for c in app.get_system_commands(app.screen) if c.title.startswith("Metric"))
        await command.callback()
        assert app.ui_state.results.family != before


async def test_digits_lead_to_areas_but_are_digits_where_one_types_and_do_nothing_in_a_dialog(
    workspace: Workspace,
) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5 slash 2 3")
        assert isinstance(app.focused, Input)
        assert app.focused.value == "23"
        assert app.current_mode == "users"
        await press(pilot, "escape question_mark 2")
        assert isinstance(app.screen, ModalScreen)
        await press(pilot, "escape 2")
        assert app.current_mode == "data"
