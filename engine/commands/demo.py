"""`st5 demo`: the whole way once, on embedded data."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import monotonic
from typing import TYPE_CHECKING

from engine.commands.options import DetachOption, WorkspaceOption, open_workspace
from engine.commands.output import print_table, progress_bar, say
from store.enums import Seen

if TYPE_CHECKING:
    from pathlib import Path

    from engine.demo import Example, Gain, Run
    from engine.progress import Observer, Progress
    from store.evaluations import MetricRow
    from store.workspace import Workspace

# The workbench's keys and areas, which the engine may not import; tests/test_demo.py compares them.
SHOWN = (
    ("1 Home", "what is in the workspace and what to do next"),
    ("2 Data", "the films and the three domains of the shop"),
    ("3 Jobs", "the training of final: its curve and its log"),
    ("4 Results", "the table above; e shows the experiment main, a table of the thesis"),
    ("5 Users", "the history of one user and what the models recommend"),
    ("6 Map", "items as final places them; a chooses another map, b adds a second"),
    ("7 Help", "the way to an answer, the words, and every key; q leaves"),
)
NEXT = (
    "st5 ingest table --events EVENTS.csv --items ITEMS.csv --name mine",
    "st5 train nopre --datasets mine --recipe cpu --name mine-nopre",
    "st5 evaluate pop last-item mine-nopre --datasets mine",
)


def demo(detach: DetachOption = False, workspace: WorkspaceOption = None) -> None:
    """Ingest embedded films and a synthetic shop, train and run the first models, and show what they find.

    Example: st5 demo
    """
    from engine.jobs import submit
    from engine.jobs.worker import JOB

    space = open_workspace(workspace)

    def device() -> str:
        from engine.encoding.device import choose_device

        return str(choose_device())

    def work(observer: Observer) -> None:
        _run(space, lambda: nullcontext(observer.progress), workspace)
        observer.tell("result", "everything of the demo is there")

    if detach or JOB in os.environ:
        submit.submit_job(space, "demo", work, detach=detach, device=device)
    else:  # its training is a job of its own
        _run(space, progress_bar, workspace)


class _StepLines:
    """A line on stderr when a step begins and one when it ends, with its seconds; parts of a step are indented."""

    def __init__(self) -> None:
        self._part: tuple[str, float] | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        say(f"{name} …")
        started = monotonic()
        yield
        self._end_part()
        say(f"{name}: {monotonic() - started:.1f} s")

    def begin_part(self, name: str) -> None:
        self._end_part()
        say(f"  {name} …")
        self._part = (name, monotonic())

    def _end_part(self) -> None:
        if self._part is not None:
            name, started = self._part
            say(f"  {name}: {monotonic() - started:.1f} s")
            self._part = None


def _run(space: Workspace, watched: Callable[[], AbstractContextManager[Progress]], option: Path | None) -> None:
    """All steps, then what they made; `option`: how the command line named this workspace, None for the default."""
    started, lines = monotonic(), _StepLines()
    say(f"Workspace: {space.folder.absolute()}. What is there already is not made again.")
    with lines.step("Load the libraries"):
        from engine import demo as work
        from engine.progress import Observer
    demo = work.Demo(space, lines.begin_part)
    steps = demo.steps()
    try:
        for number, step in enumerate(steps, 1):
            with (
                lines.step(f"[{number}/{len(steps)}] {step.name}"),
                nullcontext() if step.job else watched() as progress,
            ):
                step.work(Observer(progress) if progress else Observer())
    except work.TrainingLeftRunning:
        say("The steps after it need the trained model. When the job has ended, `st5 demo` does them.")
        return
    _print_results(space, demo.runs)
    _print_guide(option)
    say(f"\nThe demo took {monotonic() - started:.0f} s.")


def _print_results(space: Workspace, runs: list[Run]) -> None:
    from engine.demo import examples, gains
    from store import evaluations

    with space.read() as db:
        rows = evaluations.metric_rows(db, slice_name="all", seen=Seen.MASK)
        shown, reached = examples(db, runs), gains(db, runs)
    means = {(row.evaluation.id, row.metric.metric): row for row in rows}
    table = [(run, means[run.evaluation.id, "ndcg@10"], means[run.evaluation.id, "hr@10"]) for run in runs]
    names = list(dict.fromkeys(run.evaluation.dataset for run in runs))
    table.sort(key=lambda line: names.index(line[0].evaluation.dataset))
    print_table(
        ["dataset", "model", "n", "NDCG@10", "95 % interval", "HR@10"],
        [
            (run.evaluation.dataset, run.label, ndcg.metric.n, f"{ndcg.metric.mean:.3f}",
             f"[{ndcg.metric.low:.3f}, {ndcg.metric.high:.3f}]", f"{hit.metric.mean:.3f}")
            for run, ndcg, hit in table
        ],
        title="Test events against the full catalogue; seen items left out; ties in expectation; intervals by user",
        right="n,NDCG@10,HR@10",
    )  # fmt: skip
    for example in shown:
        _print_example(example)
    sys.stdout.flush()  # before the words on stderr, also where both go to one file
    _print_meaning([(run, ndcg) for run, ndcg, _ in table], names, reached)


def _print_example(example: Example) -> None:
    print_table(
        ["", *(f"{model}: chosen item at rank {example.ranks[model]}" for model in example.lists)],
        [
            (rank, *(("→ " if hit else "") + item.title for item, hit in row))
            for rank, row in enumerate(zip(*example.lists.values(), strict=True), 1)
        ],
        title=f"{example.dataset}, user {example.user}: … {'; '.join(example.history)}. Chose: {example.target}",
    )


def _print_meaning(table: list[tuple[Run, MetricRow]], names: list[str], reached: list[Gain]) -> None:
    """How to read the table, and what it shows on each dataset."""
    _say_wrapped(
        "How to read the table: every model ranks the whole catalogue for each test event, which is a user's earlier "
        "items and the item that the user chose next; n is the number of events. HR@10 is the share of events with "
        "the chosen item among the first ten. NDCG@10 also counts how far up it is: 1 for rank 1, 0 below rank 10."
    )
    _say_wrapped(
        "pop ranks by popularity, pop-recent by popularity in the newest tenth of the train part, last-item by "
        "nearness of the text to the newest item. recency reads the text of the whole history, item-knn what others "
        "chose together. fusion adds recency, item-knn and pop-recent, each by what it is worth on valid events."
    )
    _say_wrapped("NDCG@10 of fusion, how much more that is than pop and last-item reach, and what did it:")
    for gain in reached:
        say(f"  {gain.dataset:<17}   {gain.mean:.3f}" + ("   (synthetic)" if gain.dataset != names[0] else ""))
        for row in gain.over:
            mean, low, high = row.span
            sure = "" if row.p_holm < 0.05 else ", which may be chance"
            say(f"    over {row.models[1]:<12}   {mean:+.3f} [{low:+.3f}, {high:+.3f}]{sure}")
        if gain.together is not None:
            alone = ", ".join(f"{part} {value:.3f}" for part, value in sorted(gain.alone.items(), key=lambda s: -s[1]))
            say(f"    on valid: {alone}; together {gain.together:.3f}")
    _say_wrapped(
        "The thesis' way is to train the text encoder itself: only is the encoder as it came, final the same after "
        "three short phases on these datasets, and `only, unstructured` leaves out the tokens that mark where items "
        "begin and end. What the training gains:"
    )
    for name in names:
        means = {run.label: row.metric.mean for run, row in table if run.evaluation.dataset == name}
        say(f"  {name:<17}   only {means['only']:.3f}   final {means['final']:.3f}")
    _say_wrapped(
        "Intervals are 95 % and by user. For other differences: in Results, Space marks two models and a tests them. "
        "The three users above are those whose chosen item fusion ranks best: what it can do, not how often."
    )


def _say_wrapped(words: str) -> None:
    """A paragraph in lines that fit a terminal of 80 columns."""
    import textwrap

    say(textwrap.fill(words, 79))


def _print_guide(option: Path | None) -> None:
    """Which keys of the workbench show what, and what comes next."""
    import shlex

    place = f" --workspace {shlex.quote(str(option))}" if option else ""
    say(f"\nLook at it: st5{place} opens the workbench. Its keys:")
    for key, words in SHOWN:
        say(f"  {key:<10} {words}")
    say("\nNext, on your own data (events: user_id, item_id, timestamp; items: item_id, title):")
    for command in NEXT:
        say(f"  {command}{place}")
