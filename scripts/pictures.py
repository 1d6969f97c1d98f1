"""The pictures of the documentation: what each shows, on whose page, and the keys that lead there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial

from scripts.stage import Stage
from scripts.subject import Subject, row_in
from store.enums import Slice
from workbench.launch.dialog import LaunchDialog
from workbench.launch.recent_forms import RecentForms
from workbench.launch.train import TrainForm
from workbench.results.screen import ResultsScreen
from workbench.ui.settings import DEFAULTS, UserSettings
from workbench.ui.ui_state import MapChoice, ResultsChoice, UiState, UsersChoice

WIDE, TALL, NARROW = (120, 36), (120, 46), (80, 24)
Way = Callable[[Stage, Subject], Awaitable[None]]
VARIANT = "final"  # of the training that the form is filled in for
QUESTION = "A in top 10, B not in top 50"
FIRST_ANSWER = "#left-picks"


@dataclass(frozen=True)
class Picture:
    """`<name>.svg` of the page `<page>.md`. words: on the screen when it is right; way: how to get there.

    ui_state: what the visit before left; empty: of a workspace in which there is nothing yet.
    """

    name: str
    page: str
    says: str
    words: str
    way: Way
    ui_state: Callable[[Subject], UiState] = field(default=lambda _: UiState())
    size: tuple[int, int] = WIDE
    settings: UserSettings = DEFAULTS
    empty: bool = False


async def _keys(stage: Stage, subject: Subject, *, keys: str) -> None:
    await stage.press(*keys.split())


async def _data(stage: Stage, subject: Subject) -> None:
    await stage.press("2")
    await stage.to_row("#data", subject.pair()[0].dataset)


async def _items(stage: Stage, subject: Subject) -> None:
    await _data(stage, subject)
    await stage.press("o")


async def _training(stage: Stage, subject: Subject) -> None:
    await stage.press("3")
    await stage.to_row("#jobs", str(subject.trainings(1)[0].id))


async def _log(stage: Stage, subject: Subject) -> None:
    await _training(stage, subject)
    await stage.press("v")


async def _beside(stage: Stage, subject: Subject) -> None:
    trainings = subject.trainings(2)
    await stage.press("3")
    for job in trainings:
        await stage.to_row("#jobs", str(job.id))
        await stage.press("space")


async def _launch(stage: Stage, subject: Subject) -> None:
    """The form itself: a workbench that only reads does not open it."""
    await stage.press("3")
    free = subject.free_name(VARIANT)
    name = "" if free == VARIANT else free
    draft = TrainForm(variant=VARIANT, datasets=(subject.pair()[0].dataset,), name=name)
    stage.app.push_screen(LaunchDialog(draft, RecentForms()))
    await stage.settle()


async def _compare(stage: Stage, subject: Subject) -> None:
    await stage.press("4")
    for evaluation in subject.pair():
        screen = stage.area
        assert isinstance(screen, ResultsScreen)
        assert screen.grid is not None
        screen.table.move_cursor(row=screen.table.row_order.index(row_in(screen.grid.rows, evaluation)))
        await stage.press("space")
    await stage.press("a")


async def _behind(stage: Stage, subject: Subject) -> None:
    await _compare(stage, subject)
    await stage.press("enter")


async def _users(stage: Stage, subject: Subject) -> None:
    await _behind(stage, subject)
    await stage.press("enter")


async def _edit(stage: Stage, subject: Subject) -> None:
    await _users(stage, subject)
    await stage.press("e")
    await stage.press("d")


async def _why(stage: Stage, subject: Subject) -> None:
    await _users(stage, subject)
    stage.area.query_one(FIRST_ANSWER).focus()
    await stage.press("w")


async def _palette(stage: Stage, subject: Subject) -> None:
    await stage.press("4", "ctrl+p", *"only")


def _slice(slice: Slice) -> Callable[[Subject], UiState]:
    """Results on the dataset of the two models, events divided by `slice`."""
    return lambda subject: UiState(results=ResultsChoice(dataset=subject.pair()[0].dataset, slice=slice.value))


def _experiment(subject: Subject) -> UiState:
    return UiState(results=ResultsChoice(experiment=subject.experiment()))


def _user(subject: Subject) -> UiState:
    first, other = subject.pair()
    return UiState(users=UsersChoice(dataset=first.dataset, left=first.key, right=other.key))


def _question(subject: Subject) -> UiState:
    users = replace(_user(subject).users, third=subject.third().key, question=QUESTION)
    return UiState(users=users)


def _maps(subject: Subject, *, count: int) -> UiState:
    keys = [projection.key for projection in subject.maps(count)]
    return UiState(map=MapChoice(*keys))


def _of_keys(keys: str) -> Way:
    return partial(_keys, keys=keys)


PICTURES = (
    Picture("home", "home", "Home: datasets, models, evaluations and the next step", "NDCG@10", _of_keys("1")),
    Picture("home-empty", "home", "Home in an empty workspace: what brings the first data", "There is no workspace",
            _of_keys("1"), size=NARROW, empty=True),
    Picture("data", "data", "Data: the datasets, and what is known of one", "History lengths", _data),
    Picture("data-items", "data", "The items of a dataset", "Items of", _items),
    Picture("jobs", "jobs", "Jobs: the list, and a training with its curve and its log", "Log  ", _training),
    Picture("jobs-log", "jobs", "The log of a job at 80×24", "Log  ", _log, size=NARROW),
    Picture("jobs-beside", "jobs", "The curves of two marked jobs beside each other", "of 2 jobs", _beside, size=TALL),
    Picture("jobs-launch", "jobs", "The form that starts work, with its command line", "✓ ready", _launch),
    Picture("results", "results", "Results: models × datasets, best and second marked", "below: 95 % interval",
            _of_keys("4")),
    Picture("results-lengths", "results", "The same metric by the length of the history", "below: 95 % interval",
            _of_keys("4"), _slice(Slice.HISTORY_LENGTH)),
    Picture("results-compare", "results", "Two models compared, paired event by event", "95 % interval", _compare,
            _slice(Slice.HISTORY_LENGTH)),
    Picture("results-behind", "results", "The events that make a difference", "A ahead first", _behind,
            _slice(Slice.ALL)),
    Picture("results-experiment", "results", "A table of the thesis, with its numbers beside ours",
            "below: 95 % interval", _of_keys("4 e"), _experiment),
    Picture("users", "users", "Users: a history and its target beside what two models recommend", "» target", _users,
            _slice(Slice.ALL)),
    Picture("users-question", "users", "Events that answer a question, with a third model beside two", QUESTION,
            _of_keys("5"), _question),
    Picture("users-edit", "users", "A history without one of its entries, ranked again", "ready,", _edit,
            _slice(Slice.ALL)),
    Picture("users-why", "users", "Why an item is recommended: what each entry adds",
            "Score with the whole history", _why, _slice(Slice.ALL)),
    Picture("map", "map", "Map: items as points, coloured by dataset", "trustworthiness", _of_keys("6 space"),
            partial(_maps, count=1)),
    Picture("map-beside", "map", "Two maps beside each other, with the neighbours of one item", "Neighbours",
            _of_keys("6 space n"), partial(_maps, count=2)),
    Picture("guide", "help", "Help, the area: the way to an answer, the words, every key", "Help", _of_keys("7")),
    Picture("help", "help", "Help: the keys that work in Users", "While searching", _of_keys("5 question_mark"), _user),
    Picture("help-palette", "help", "The palette: actions and places by name", "model only", _palette),
    Picture("help-ascii", "help", "Users in plain ASCII at 80×24", "> target", _of_keys("5"), _user, size=NARROW,
            settings=UserSettings(signs="ascii")),
)  # fmt: skip
