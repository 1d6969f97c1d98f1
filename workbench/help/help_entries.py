"""What Help says: the way to an answer, areas, words and numbers, and every key by the binding tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.measuring.highlighting import ALIKE, FEW_EVENTS, INTERVAL, LEGEND, TEST
from workbench.areas import AREAS
from workbench.ui.key_names import shown
from workbench.ui.key_table import keyed, known_keys
from workbench.ui.settings import settings_path

if TYPE_CHECKING:
    from textual.app import App


@dataclass(frozen=True)
class HelpEntry:
    """One row: under which heading, its name, and what there is to say."""

    part: str
    name: str
    words: str


WAY = (
    ("bring data", "Home (1): n starts the demo, which brings films and a made-up shop; i reads your own files. Data "
                   "(2) shows what came of them, and what was left out."),
    ("make models", "Jobs (3): n opens the form. Choose train with variant only, then final, or a baseline; what can "
                    "start is checked while you type. Home names the likeliest next step, and n there fills it in."),
    ("measure", "Training and baselines are evaluated from the same form (evaluate). Jobs go on when you leave."),
    ("compare", "Results (4): v divides the events by domain, category or history length; + and - change K. Space "
                   "marks two models, a compares them event by event, with intervals."),
    ("ask why", "Enter on a number or a difference lists the users behind it, those who make it first. Enter on a "
                   "user opens Users (5): history, target, and what each model put on top."),
    ("look", "In Users, e edits the history and ranks again, and w says which items of it a recommendation rests "
                "on. Map (6) shows where the items lie, and which of them a model finds."),
    ("export", "o in Results writes the table as CSV, Markdown or LaTeX; y copies a cell and Y a table, also "
                      "over SSH. report in the form (Jobs, n) writes everything."),
)  # fmt: skip
WORDS = (
    ("dataset", "one domain's catalogue and events from one platform"),
    ("domain, category", "the dataset's product category; an item's own, such as a genre"),
    ("event", "one row to predict: a user's earlier items (oldest first) and the target that came next"),
    ("split", "train, valid or test: which events may be learned from, chosen by, and reported on"),
    ("sentence", "the text that a model reads for an item or a history"),
    ("backbone", "the pretrained encoder that training starts from"),
    ("variant", "which phases were run: only (none), nopre (sequence-item), itempre (item-description, sequence-item), "
                "final (item-description, sequence-sequence, sequence-item)"),
    ("recipe", "the hyper-parameters of the phases; thesis follows the thesis to the letter"),
    ("model", "something that scores items for a history: a text model or a baseline"),
    ("candidates", "the items that a ranking is over: the full catalogue, never a sample of it"),
    ("rank pair", "how many candidates score strictly above the target, and how many others tie with it"),
    ("slice", "a part of the events: by domain, category, history length, warm or cold target …"),
    ("protocol", "candidates, seen-item rule, ties and history window: every number carries one"),
    ("job", "one command in a process of its own, which outlives the workbench and the connection"),
)  # fmt: skip
NUMBERS = (
    ("HR@K", "the share of events whose target is among the first K"),
    ("NDCG@K", "the same, where a target counts 1/log2(1 + its place)"),
    ("MRR", "the mean of 1/place over all ranks; it has no K"),
    ("¹ and ²", "the best of a column (of a row with formats or variants), in bold, and the second, underlined"),
    (f"{ALIKE} and dim", f"{LEGEND.removeprefix(ALIKE).strip()}: {TEST}; none over fewer than {FEW_EVENTS} events"),
    (".0213–.0341", f"the {INTERVAL} of the mean: a bootstrap over users, since a user's events belong together"),
    ("thesis .0380", "the number that the thesis published for this model and dataset; p hides it"),
    ("seen masked", "items of the history are no candidates; seen kept: they are"),
    ("mean over users", "every user weighs the same; over events: every event does"),
    ("ties", "a target that ties with others has every place among them equally; lower and upper bounds are shown"),
)  # fmt: skip
STATES = (
    ("○ queued", "waits for its turn; the message says what holds the device"),
    ("● running", "works; “no sign of life” says that it may be stuck"),
    ("✓ succeeded", "everything that it was to make is stored"),
    ("✗ failed", "ended with an error: its message is shown, the rest in the log; r tries again"),
    ("■ cancelled", "was asked to stop, and kept a checkpoint; r goes on from it"),
    ("? lost", "its worker was killed or crashed; r resumes from its last checkpoint"),
)
OUTSIDE = (
    ("the same by command", "every form shows the command line that it runs; Ctrl+Y copies it"),
    ("st5 doctor", "versions, devices, the workspace and what is missing"),
    ("st5 --readonly", "looks and changes nothing; st5 --web serves this workbench to a browser on this machine"),
    ("Shift+drag", "selects text with the mouse, whatever the workbench does with it"),
)
DIALOGS = "In dialogs"  # also those that have ids of their own
PLACES = {
    "app": "Keys everywhere", "area": "Keys everywhere", "filter": "While filtering", "table": "In tables",
    "home": "In Home", "data": "In Data", "items": "In a dataset's items", "jobs": "In Jobs", "log": "In the log",
    "results": "In Results", "measured": "In Results", "exporting": "In Results", "compare": "In Compare",
    "behind": "Behind a number", "experiment": "In a thesis' table", "users": "In Users",
    "search": "While searching", "edit": "In an edited history", "map": "In Map", "canvas": "In Map",
    "launch": "In the form", "choice_field": "In the form", "marks": "In the form", "path_field": "In the form",
    "guide": "In Help", "picker": "In the list of files", "dialog": DIALOGS,
}  # fmt: skip


def entries(app: App[Any]) -> tuple[HelpEntry, ...]:
    """All rows of Help, in the order in which one reads them."""
    fixed = (
        ("The way to an answer", WAY),
        ("Areas", tuple((f"{area.key}  {area.title}", area.purpose) for area in AREAS)),
        ("Words", WORDS),
        ("Numbers", NUMBERS),
        ("States of a job", STATES),
    )
    found = [HelpEntry(part, name, words) for part, rows in fixed for name, words in rows]
    found += sorted(_keys(app), key=lambda entry: list(dict.fromkeys(PLACES.values())).index(entry.part))
    found += [HelpEntry("Outside", name, words) for name, words in OUTSIDE]
    return (*found, HelpEntry("Outside", "your own keys, theme", f"in {settings_path()}; Ctrl+P, Settings opens it"))


def _keys(app: App[Any]) -> Iterable[HelpEntry]:
    for binding in keyed(known_keys().values(), app):
        part = PLACES.get((binding.id or "").partition(".")[0], DIALOGS)
        keys = dict.fromkeys(shown(key) for key in binding.key.split(",") if not key.startswith("super+"))
        yield HelpEntry(part, " ".join(keys), f"{binding.description}: {binding.tooltip}")
