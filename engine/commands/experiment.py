"""`st5 experiment`: one of the thesis' tables or figures, with whatever it still needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.commands.options import DetachOption, JsonOption, WorkspaceOption, names, open_workspace, whole_numbers
from engine.commands.output import Form, chosen_form, print_json, print_table, say
from engine.experiments.arguments import Arguments
from engine.experiments.definition import NO_NAME
from engine.measuring.choices import Averaging
from store.enums import Seen
from store.errors import BadInput, Failed

if TYPE_CHECKING:
    from engine.experiments.definition import Definition
    from engine.experiments.steps import Step
    from engine.progress import Observer
    from store.workspace import Workspace


def experiment(
    name: Annotated[str, typer.Argument(help="Name of an experiment, a TOML file of your own, or `list`.")],
    datasets: Annotated[
        str, typer.Option("--datasets", "-d", help="Names, comma-separated.", show_default="all that fit")
    ] = "",
    models: Annotated[
        str, typer.Option(help="These models for the experiment's own (comma-separated).", show_default="its own")
    ] = "",
    backbone: Annotated[str, typer.Option(help="What `only` is and variants are trained from; as in `train`.")] = "",
    recipe: Annotated[str, typer.Option(help="How variants are trained; as in `train`.")] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change the recipe, or NAME.KEY=VALUE a baseline or predictor; repeatable.",
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Train with each of these (comma-separated); their mean is shown.")] = "0",
    sample: Annotated[
        int | None, typer.Option(help="Evaluate so many events of a dataset; 0 takes all.", show_default="its own")
    ] = None,
    train: Annotated[bool, typer.Option("--train", help="Also train variants that are not there yet.")] = False,
    seen: Annotated[
        Seen | None, typer.Option(help="keep or mask the items of the history.", show_default="both")
    ] = None,
    mean: Annotated[Averaging, typer.Option(help="What weighs the same: every event or every user.")] = Averaging.EVENT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the command lines that would run.")] = False,
    definition: Annotated[bool, typer.Option("--definition", help="Print its TOML, to copy and change.")] = False,
    detach: DetachOption = False,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, a line for each cell.")] = False,
    as_markdown: Annotated[bool, typer.Option("--md", help="Print Markdown tables.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Make one of the thesis' tables or figures; run what it still needs.

    What is stored is not made again. Baselines are trained where needed, variants only with --train.

    Example: st5 experiment main --datasets ml-100k --sample 500
    """
    from engine.experiments.context import ExperimentContext
    from engine.experiments.definition import load_definition
    from engine.experiments.request import checked
    from engine.experiments.steps import steps

    form = chosen_form(as_json=as_json, as_csv=as_csv, as_markdown=as_markdown)
    space = open_workspace(workspace)
    if name == NO_NAME:
        _print_list(space, form)
        return
    asked = load_definition(name)
    if definition:
        print(asked.text, end="")
        return
    said = Arguments(
        tuple(names(datasets)), tuple(names(models)), backbone, recipe, whole_numbers("--seeds", seeds), sample,
        tuple(settings or ()), seen, mean, train,
    )  # fmt: skip
    with space.read() as db:
        arguments = checked(db, asked, said)
        missing = steps(ExperimentContext(db, asked, arguments))
    if dry_run:
        _print_steps(missing, form)
        return
    _run(space, asked, arguments, missing, form, detach=detach)


def _run(
    space: Workspace, definition: Definition, arguments: Arguments, missing: list[Step], form: Form, *, detach: bool
) -> None:
    """Run what can run, as a job, and print what there is then; a failed step is said after the table."""
    from engine import __version__
    from engine.experiments.steps import Readiness
    from engine.jobs import submit
    from engine.jobs.worker import JOB
    from store.experiments import put_experiment

    if "RANK" in os.environ:
        raise BadInput("An experiment starts its steps itself. Run it without torchrun or accelerate.")
    with space.write() as db:
        put_experiment(
            db, name=definition.name, definition=definition.text, arguments=arguments.document(),
            code_version=__version__,
        )  # fmt: skip

    def work(observer: Observer) -> None:
        _work(space, definition, arguments, observer)

    problem: Failed | SystemExit | None = None
    if detach or any(step.readiness is Readiness.READY for step in missing):
        try:
            submit.submit_job(space, "experiment", work, detach=detach)
        except (Failed, SystemExit) as error:
            if isinstance(error, SystemExit) and error.code != Failed.exit_code:
                raise
            problem = error
    if not detach and JOB not in os.environ:  # who reads a job's log looks at the table with this command
        _print(space, definition, arguments, form)
    if problem is not None:
        raise problem


def _work(space: Workspace, definition: Definition, arguments: Arguments, observer: Observer) -> None:
    """All steps; `Failed` with what went wrong where one did."""
    from engine.experiments.context import ExperimentContext
    from engine.experiments.running import run_steps
    from engine.experiments.steps import steps

    def left() -> list[Step]:
        with space.read() as db:
            return steps(ExperimentContext(db, definition, arguments))

    failures = run_steps(space, left, observer)
    if failures:
        words = "\n".join(f"  {failure}" for failure in failures)
        raise Failed(f"{definition.name}: {len(failures)} of its steps failed; what there is stays stored.\n{words}")
    observer.tell("result", f"complete as far as it can be; `st5 experiment {definition.name}` shows it")


def _print(space: Workspace, definition: Definition, arguments: Arguments, form: Form) -> None:
    from engine.commands.sheets import print_outcome
    from engine.experiments.outcome import outcome

    with space.read() as db:
        found = outcome(db, definition, arguments)
    print_outcome(found, form)


def _print_steps(missing: list[Step], form: Form) -> None:
    from engine.experiments.steps import Readiness

    if form is Form.JSON:
        print_json([{"arguments": list(step.arguments), "readiness": step.readiness} for step in missing])
        return
    for step in missing:
        if step.readiness is not Readiness.HELD:
            print(step.command)
    held = [step.command for step in missing if step.readiness is Readiness.HELD]
    if held:
        say("\n".join(["Not run, because it needs a training, which --train allows:", *(f"  {line}" for line in held)]))
    if not missing:
        say("There is nothing to run.")


def _print_list(space: Workspace, form: Form) -> None:
    from engine.experiments.listing import listed

    rows: list[dict[str, Any]] = listed(space)
    if form is Form.JSON:
        print_json(rows)
        return
    print_table(
        ["name", "thesis", "shows", "stored"],
        [(row["name"], row["thesis"], row["shows"], row["stored"]) for row in rows],
    )
    say("One of your own: `st5 experiment main --definition > own.toml`, change it, `st5 experiment ./own.toml`.")
