"""`st5 tune`: search a model's settings on the valid events."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from engine.commands.evaluation import DeviceOption, device_to_lock
from engine.commands.options import DetachOption, JsonOption, WorkspaceOption, names, open_workspace
from engine.commands.output import print_json, print_table, say, say_wrapped
from engine.tuning.request import METRIC, MOST_TRIALS, SEEN, SearchRequest, parse_tries
from store.enums import Seen, TrialState
from store.errors import BadInput, Failed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.progress import Observer
    from engine.tuning.plan import Plan
    from engine.tuning.table import SearchTable
    from store.rows import Search
    from store.workspace import Workspace

LIST = "list"
MOST_DIGITS = 10  # of a search's number


def tune(
    model: Annotated[
        str,
        typer.Argument(
            help="A baseline with settings, or a variant of a recipe; `list`, or the number of a stored search."
        ),
    ],
    datasets: Annotated[
        str, typer.Option("--datasets", "-d", help="Names, comma-separated; each is searched by itself.")
    ] = "",
    tries: Annotated[
        list[str] | None,
        typer.Option(
            "--try",
            metavar="KEY=V1,V2",
            help="Values of one setting; repeatable. One value alone is in all trials.",
        ),
    ] = None,
    trials: Annotated[
        int,
        typer.Option(help=f"Draw so many combinations at random; 0 tries all of them, at most {MOST_TRIALS:,}."),
    ] = 0,
    seed: Annotated[
        int | None, typer.Option(help="Decides what is drawn, and all that is random in training.", show_default="0")
    ] = None,
    metric: Annotated[str, typer.Option(help="What decides which is the best.", show_default=METRIC)] = "",
    seen: Annotated[
        Seen | None, typer.Option(help="keep or mask the items of the history.", show_default=SEEN.value)
    ] = None,
    sample: Annotated[int, typer.Option(help="Evaluate on so many valid events; 0 takes all.")] = 0,
    features: Annotated[str, typer.Option(help="As in `baseline`.", show_default="only")] = "",
    backbone: Annotated[str, typer.Option(help="As in `train`.", show_default="the embedded one")] = "",
    recipe: Annotated[str, typer.Option(help="As in `train`.", show_default="modern")] = "",
    device: DeviceOption = "auto",
    detach: DetachOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search a model's settings on the valid events; every trial is stored.

    The same command goes on where it was interrupted, and tries again what failed.

    Example: st5 tune item-knn --datasets ml-100k --try decay=0.5,0.7,0.9 --try window=20,50
    """
    from engine.measuring.metrics import measure

    space, chosen = open_workspace(workspace), names(datasets)
    by = str(measure(metric)) if metric else ""
    if model == LIST or (model.isascii() and model.isdigit() and len(model) < MOST_DIGITS):
        said = {"--datasets": datasets, "--try": " ".join(tries or []), "--detach": "x" if detach else ""}
        for option, value in said.items():
            if value:
                raise BadInput(f"{option} says nothing with `st5 tune {model}`, which shows what is stored.")
        _show(space, model, by, seen, as_json=as_json)
        return
    if "RANK" in os.environ:
        raise BadInput("A search makes its trials one after another. Run it without torchrun or accelerate.")
    if not chosen:
        raise BadInput("--datasets is empty. Name at least one; `st5 datasets` lists them.")
    from engine.tuning.plan import plan, store

    tried = parse_tries(tries or [])
    plans = [
        plan(space, SearchRequest(model, dataset, tried, trials, seed, sample, features, backbone, recipe))
        for dataset in chosen
    ]
    size = plans[0].request.size
    if trials >= size:
        say(f"--trials {trials}: there are {size} combinations, so all of them are tried.")
    asked = [store(space, each, by or METRIC, seen or SEEN) for each in plans]
    _run(space, plans, asked, device, detach=detach, as_json=as_json)


def _run(
    space: Workspace, plans: Sequence[Plan], searches: Sequence[Search], device: str, *, detach: bool, as_json: bool
) -> None:
    """Make what is left as a job, and print what there is then; trials that all failed are said after the table."""
    from engine.jobs import submit
    from engine.jobs.worker import JOB
    from engine.tuning.plan import left

    searched = [each.what for each in plans]

    def work(observer: Observer) -> None:
        from engine.tuning.run import run

        def tell(kind: str, message: str) -> None:
            observer.tell(kind, message)
            if kind == "trial" and JOB not in os.environ:  # a job's log has it already
                say(message)

        run(space, list(zip(searches, searched, strict=True)), replace(observer, tell=tell), device=device)

    problem: Failed | SystemExit | None = None
    if detach or any(left(space, search) for search in searches):
        shared = not any(each.trains for each in searched)
        try:
            submit.submit_job(space, "tune", work, detach=detach, device=lambda: device_to_lock(device, shared=shared))
        except (Failed, SystemExit) as error:
            if isinstance(error, SystemExit) and error.code != Failed.exit_code:
                raise
            problem = error
    if not detach and JOB not in os.environ:  # the table in a job's log would be that of its terminal's width
        _print(space, searches, as_json=as_json)
    if problem is not None:
        raise problem


def _print(space: Workspace, searches: Sequence[Search], *, as_json: bool) -> None:
    from engine.tuning.table import document, search_table

    with space.read() as db:
        tables = [search_table(db, search) for search in searches]
    if as_json:
        print_json([document(table) for table in tables])
        return
    for table in tables:
        _print_table(table)


def _show(space: Workspace, model: str, metric: str, seen: Seen | None, *, as_json: bool) -> None:
    """The list of searches, or one of them."""
    from engine.tuning.table import document, search_table, search_tables
    from store import searches

    with space.read() as db:
        if model != LIST:
            table = search_table(db, searches.search(db, int(model)), metric=metric, seen=seen)
        else:
            tables = search_tables(db)
    if model != LIST:
        if as_json:
            print_json([document(table)])
        else:
            _print_table(table)
    elif as_json:
        print_json([document(table) for table in tables])
    else:
        _print_list(tables)


def _print_list(tables: Sequence[SearchTable]) -> None:
    from engine.tuning.request import setting_words
    from engine.tuning.table import counted

    if not tables:
        say("No search yet. `st5 tune item-knn --datasets NAME --try decay=0.5,0.7` makes the first.")
        return
    print_table(
        ["search", "model", "dataset", "trials", "metric", "best", "settings"],
        [
            (
                table.search.id,
                table.search.model,
                table.search.dataset,
                counted(table),
                table.search.metric,
                f"{table.best.result.mean:.4f}" if table.best and table.best.result else "–",
                " ".join(setting_words(table.best.settings)) if table.best else "–",
            )
            for table in tables
        ],
        right="search,best",
        cut="dataset,settings",
    )


def _print_table(table: SearchTable) -> None:
    """The trials, best first, on stdout; what follows from them on stderr."""
    from engine.tuning.table import OPTIMISTIC, counted, seen_words, title

    search = table.search
    rows = []
    for trial in table.trials:
        result = trial.result
        numbers = (f"{result.mean:.4f}", f"{result.low:.4f}–{result.high:.4f}", result.n) if result else ("–", "–", "–")
        settings = [trial.settings.get(key, "–") for key in table.varied]
        rows.append((trial.number, *settings, *numbers, f"{trial.seconds:.1f}", trial.state.value))
    print_table(
        ["trial", *table.varied, search.metric, "95 % interval", "n", "seconds", "state"],
        rows,
        title=f"{title(table)}; {seen_words(search.seen)}",
        right=f"trial,{','.join(table.varied)},{search.metric},n,seconds",
    )
    lines = [counted(table) + "."]
    lines += [f"Trial {trial.number} failed: {trial.message}" for trial in table.trials if trial.message]
    if table.count(TrialState.FAILED) or table.count(TrialState.WAITING):
        lines.append(f"What is left is made by: {shlex.join(['st5', *table.again])}")
    if table.best is not None:
        lines.append(f"Trial {table.best.number} is the best. Under a name of its own:")
    say_wrapped(lines)
    if table.best is not None:
        say(f"  {shlex.join(['st5', *table.command])}")
        say_wrapped([OPTIMISTIC])
