"""Hostile text in every list and dialog: it is shown as it is written, and nothing in it is obeyed.

One workspace in which every text is hostile (`hostile.py`), and a walk over every screen and dialog of the program.
"""

from __future__ import annotations

import re
import shutil
import unicodedata
from importlib import import_module
from inspect import getmembers, isclass
from pathlib import Path
from pkgutil import walk_packages

import hostile
import pytest
from conftest import drawn, press, screen_text, settle, until
from textual.command import CommandPalette
from textual.events import Paste
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, TextArea

import workbench
from engine.jobs.files import job_files
from store.errors import BadInput
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.data.items import ItemsScreen
from workbench.data.screen import DataScreen
from workbench.help.dialog import HelpDialog
from workbench.help.guide import GuideScreen
from workbench.home.screen import HomeScreen
from workbench.jobs.job_events import JobEventsDialog
from workbench.jobs.quit import QuitDialog
from workbench.jobs.screen import JobsScreen
from workbench.launch.dialog import LaunchDialog
from workbench.launch.registry import KINDS
from workbench.map.choices import MapFacts
from workbench.map.screen import MapScreen
from workbench.results.compare import CompareScreen
from workbench.results.drill_down_screen import DrillDownScreen
from workbench.results.experiment import ExperimentScreen
from workbench.results.screen import ResultsScreen
from workbench.results.searches import SearchesScreen
from workbench.ui.choice import ChoiceDialog
from workbench.ui.clickable import RUNS
from workbench.ui.confirm import ConfirmDialog
from workbench.ui.export import ExportDialog
from workbench.ui.file_picker import FilePicker
from workbench.ui.item import ItemDialog
from workbench.ui.model import ModelDialog
from workbench.ui.problem import NotStartedDialog, ProblemDialog, RefusedDialog
from workbench.ui.value import ValueDialog
from workbench.users.add_item import AddItemDialog
from workbench.users.ask import EventFilterDialog
from workbench.users.edit_history import EditHistoryScreen
from workbench.users.event import EventDialog
from workbench.users.screen import UsersScreen
from workbench.users.why import WhyDialog

# What a frame covers may begin in the middle of the markup; everywhere else the sign follows the markup's end.
EATEN = re.compile(rf"(?<![\]│╭╮╰╯─])(?<!^){hostile.SIGN}", re.MULTILINE)
WIDE = ("results", "users")  # walked again on a wall of a screen
FILES = (
    "[b]¤file[b] \x1b[31m \x1b]52;c;ZXZpbA==\x07",
    "[b]¤file \u202eright [@click=app.quit]x",
    "[b]¤file" + "x" * 230,
)

# Keys, the screen or dialog that is then on top, and the hostile texts (their beginnings) that have to be seen on it.
Step = tuple[str, type[Screen], str]
WALKS: dict[str, list[Step]] = {
    "home": [
        ("", HomeScreen, "model-name dataset-name job-arguments"),
        ("tab tab", HomeScreen, "model-name"),
        ("question_mark", HelpDialog, ""),
        ("escape slash =[b]", HomeScreen, "dataset-name"),
        ("escape q", QuitDialog, "job-arguments"),
    ],
    "data": [
        ("2", DataScreen, "dataset-name dataset-platform item-cat"),
        ("j k tab G", DataScreen, "dataset-s"),
        ("g enter", ValueDialog, "dataset-platform"),
        ("escape shift+tab o", ItemsScreen, "dataset-name item-key item-title item-cat"),
        ("enter", ItemDialog, "item-title item-key"),
        ("G", ItemDialog, "item-fields"),
        ("escape slash =orchard", ItemsScreen, "item-key"),
    ],
    "jobs": [
        ("3", JobsScreen, "job-arguments job-device job-stage job-message"),
        ("j", JobsScreen, "job_series-name"),
        ("c v", JobsScreen, "log"),
        ("v", JobsScreen, "job_event-m"),
        ("enter", JobEventsDialog, "job-arguments"),
        ("G", JobEventsDialog, "job_event-message"),
        ("escape j j j", JobsScreen, "job-arguments"),
        ("slash =train", JobsScreen, "job-arguments"),
    ],
    "results": [
        ("4", ResultsScreen, "model-name dataset-name"),
        ("d", ChoiceDialog, "dataset-name"),
        ("escape v j j enter", ResultsScreen, "item-cat"),
        ("enter", DrillDownScreen, "dataset-name model-name user-key item-title"),
        ("o", ExportDialog, ""),
        ("escape escape space j space a", CompareScreen, "model-name item-cat"),
        ("enter", DrillDownScreen, "model-name user-key item-title"),
        ("escape escape e", ExperimentScreen, "title arm dataset-name"),
        ("l", ExperimentScreen, "arm"),
        ("n", ExperimentScreen, "title"),
        ("e", ChoiceDialog, "title"),
        ("escape escape o", ExportDialog, ""),
        ("escape escape t", SearchesScreen, "search-model dataset-name trial-settings"),
        ("enter", ValueDialog, "trial-model"),
        ("G", ValueDialog, ""),
        ("escape j j", SearchesScreen, "trial-message"),
        ("enter", ValueDialog, "trial-message"),
        ("escape e", ChoiceDialog, "search-model dataset-name"),
        ("escape o", ExportDialog, ""),
    ],
    "users": [
        ("5", UsersScreen, "dataset-name model-name user-key item-title item-cat"),
        ("slash", UsersScreen, "user-key"),
        ("=[b]", UsersScreen, "user-key"),
        ("down j enter", UsersScreen, "user-key"),
        ("d", ChoiceDialog, "dataset-name"),
        ("escape a", ChoiceDialog, "model-name"),
        ("escape tab enter", ItemDialog, "item-title"),
        ("escape i", EventDialog, "model-name user-key"),
        ("escape f", EventFilterDialog, "model-name"),
        ("escape plus x r n p", UsersScreen, "item-title"),
    ],
    "guide": [("7", GuideScreen, "")],
    "edit": [
        ("5 e ready", EditHistoryScreen, "model-name item-title"),
        ("m", ChoiceDialog, "model-name"),
        ("escape enter", ItemDialog, "item-title"),
        ("escape a", AddItemDialog, "dataset-name item-title"),
        ("=golden", AddItemDialog, "item-title"),
        ("down enter J d", EditHistoryScreen, "item-title"),
        ("w", WhyDialog, "item-title model-name"),
    ],
    "map": [
        ("6", MapScreen, "model-name dataset-name user-key"),
        ("a", ChoiceDialog, "model-name dataset-name"),
        ("escape i", MapFacts, "model-name dataset-name projection-device"),
        ("escape c", ChoiceDialog, ""),
        ("escape a j enter", MapScreen, "item-title"),
        ("b j enter", MapScreen, "model-name"),
        ("c j enter", MapScreen, "item-cat"),
        ("t j space", MapScreen, "item-cat"),
        ("slash =golden", MapScreen, "item-title"),
        ("escape n", MapScreen, "item-title"),
        ("e", ChoiceDialog, ""),
    ],
    "palette": [
        ("ctrl+p =user", CommandPalette, ""),
        ("escape escape ctrl+p =user space =[b]", CommandPalette, "user-key dataset-name"),
        ("escape escape ctrl+p =orchard", CommandPalette, "item-title dataset-name"),
        ("escape escape ctrl+p =5", CommandPalette, "job-arguments"),
        ("escape escape ctrl+p =only", CommandPalette, "model-name"),
        ("down enter", ModelDialog, "model-name model-backbone"),
    ],
}  # fmt: skip


@pytest.fixture(scope="session")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "shop"
    hostile.build(folder)
    return folder


@pytest.fixture
def workspace(poisoned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    shutil.copytree(poisoned, tmp_path / "shop")
    monkeypatch.chdir(tmp_path)
    return Workspace(Path("shop"))


def check(app: Workbench, top: type[Screen] | None = None) -> str:
    """Nothing on the screen is obeyed by the terminal, eaten as markup, or leads anywhere; the screen is whole."""
    text = screen_text(app)
    assert top is None or type(app.screen) is top, f"{type(app.screen).__name__}:\n{text}"
    bad = {c for c in set(text) if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") and c != "\n"}
    bad |= {c for c in set(text) if "\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069"}
    assert not bad, f"{bad} in:\n{text}"
    assert not EATEN.search(text), f"markup is gone from:\n{text}"
    width, height = app.size
    strips = drawn(app)
    assert [strip.cell_length for strip in strips] == [width] * height, text
    for style in (segment.style for strip in strips for segment in strip if segment.style is not None):
        assert style.link is None
        actions = [value for key, value in style.meta.items() if key.startswith("@") or key == RUNS]
        assert not any("quit" in str(action) for action in actions), f"{actions} in:\n{text}"
    return text


async def walk(pilot: Pilot, app: Workbench, steps: list[Step]) -> set[type[Screen]]:
    """Take the steps, check what each of them shows; returns what was on top."""
    seen: set[type[Screen]] = set()
    for keys, top, shows in steps:
        for key in keys.split():
            if key == "ready":
                await until(pilot, "● ready")
                continue
            for one in key[1:] if key.startswith("=") else [key]:
                await pilot.press({"[": "left_square_bracket", "]": "right_square_bracket"}.get(one, one))
            await settle(pilot)
            check(app)
        for what in shows.split():
            await until(pilot, f"{hostile.MARKUP}{hostile.SIGN}{what}")
        check(app, top)
        seen.add(type(app.screen))
    return seen


@pytest.mark.parametrize(
    ("name", "size"), [*((name, (80, 24)) for name in WALKS), *((name, (200, 60)) for name in WIDE)]
)
async def test_hostile_text_is_shown_and_never_obeyed(workspace: Workspace, name: str, size: tuple[int, int]) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await walk(pilot, app, WALKS[name])
        assert app.is_running


async def test_forms_of_every_kind_offer_take_and_refuse_hostile_text(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await walk(pilot, app, [("3 n", LaunchDialog, ""), ("enter", ChoiceDialog, ""), ("escape", LaunchDialog, "")])
        form = app.screen
        assert isinstance(form, LaunchDialog)
        shown = ""
        for kind in KINDS:
            assert kind == form.job_form.KIND
            for number, field in enumerate(form.page.shown):
                form.set_focus(field)
                if isinstance(field, Input | TextArea):
                    ending = hostile.ENDINGS[number % len(hostile.ENDINGS)]
                    app.post_message(Paste(f"{hostile.MARKUP}{hostile.SIGN}pasted {ending}"))
            await press(pilot, "ctrl+y")
            shown += check(app, LaunchDialog)
            form.query_one("#dialog-body").scroll_end(animate=False)
            await settle(pilot)
            shown += check(app, LaunchDialog)
            form.set_focus(form.query_one("#launch-kind"))
            await press(pilot, "right")
        for what in ("dataset-name", "model-name", "pasted"):
            assert f"{hostile.MARKUP}{hostile.SIGN}{what}" in shown
        assert next(iter(KINDS)) == form.job_form.KIND  # once around


async def test_hostile_names_of_files_and_folders_in_the_picker(workspace: Workspace, tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / f"{name}.csv").touch()
        (tmp_path / f"{name}folder").mkdir()
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await walk(pilot, app, [("1 i tab ctrl+o", FilePicker, "file")])
        for _ in FILES:
            await walk(pilot, app, [("enter", FilePicker, "file"), ("left j", FilePicker, "file")])
        await walk(pilot, app, [("slash =¤", FilePicker, "file"), ("escape g enter", LaunchDialog, "")])
        await walk(pilot, app, [("ctrl+o j j enter g enter", LaunchDialog, "file")])


async def test_hostile_words_in_questions_and_problems(workspace: Workspace, tmp_path: Path) -> None:
    app = Workbench(workspace)
    words = "\n".join(hostile.hostile("words", ending) for ending in hostile.ENDINGS)
    working = job_files(workspace, 5).take()  # as its worker would, so that the job is not marked lost
    assert working is not None
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await walk(pilot, app, [("3 j x", ConfirmDialog, "job-arguments"), ("escape", JobsScreen, "job-arguments")])
        for dialog in (ProblemDialog, RefusedDialog, NotStartedDialog):
            for error in (BadInput(words), ValueError(words)):
                app.push_screen(dialog(error))
                await walk(pilot, app, [("", dialog, "words"), ("G g", dialog, "words"), ("escape", JobsScreen, "")])
        (tmp_path / FILES[0]).touch()
        await walk(pilot, app, [("4 o", ExportDialog, "")])
        app.screen.query_one(Input).value = FILES[0]
        await walk(pilot, app, [("enter", ConfirmDialog, "file")])


def test_no_screen_and_no_dialog_is_left_out() -> None:
    modules = [import_module(found.name) for found in walk_packages(workbench.__path__, "workbench.")]
    kinds = {kind for module in modules for _, kind in getmembers(module, isclass) if issubclass(kind, Screen)}
    kinds = {kind for kind in kinds if kind.__module__.startswith("workbench.")}
    bases = {base for kind in kinds for base in kind.__mro__[1:]}
    walked = {top for steps in WALKS.values() for _, top, _ in steps}
    elsewhere = {LaunchDialog, FilePicker, ConfirmDialog, ProblemDialog, RefusedDialog, NotStartedDialog}
    assert kinds - bases - walked - elsewhere == set()
    assert len(kinds - bases) > 25
