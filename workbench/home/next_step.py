"""What to do next in a workspace: why, the commands to copy, and the form that starts the likeliest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from store.enums import Split
from store.plain_text import plain
from workbench.jobs.job_formatting import what
from workbench.ui.display import brief
from workbench.ui.shell import command

if TYPE_CHECKING:
    from store.rows import Job
    from workbench.home.overview import Overview
    from workbench.launch.job_form import JobForm

UNTRAINED = ("only", "pop")  # models that need no training: the first two worth comparing
BRINGS_DATA = ("ingest", "demo")  # kinds of jobs


@dataclass(frozen=True)
class NextStep:
    """`sentence` says why; `commands` are ready for a shell, the likeliest first, which is also `job_form`."""

    sentence: str
    commands: tuple[str, ...] = ()
    job_form: JobForm | None = None


def next_step(overview: Overview, workspace_option: Path | None = None) -> NextStep:
    """The next sensible step: data, then evaluations, then training, then looking; or the job that is at it."""
    from engine.baselines.specs import BASELINES  # not those of installed packages, which take 50 ms to find
    from workbench.launch.baseline import BaselineForm
    from workbench.launch.evaluate import EvaluateForm
    from workbench.launch.train import TrainForm

    if overview.problems:
        return NextStep(
            "Part of this workspace cannot be read, so there is no telling what comes next. This looks into it:",
            (command(["doctor"], workspace_option),),
        )
    if not overview.exists or not overview.datasets:
        return _first_data(overview, workspace_option)
    names = tuple(dataset.name for dataset in overview.datasets if dataset.events.get(Split.TEST))
    if not names:
        return _nothing_to_test(overview, workspace_option)
    if not overview.evaluated:
        first = EvaluateForm(models=UNTRAINED, datasets=names)
        return _step("No model has been evaluated yet. These two need no training:", first, overview, workspace_option)
    newest_trained = [model for model in reversed(overview.models) if model.lineage]  # the user waits to see these
    for model in (model.name for model in (*newest_trained, *overview.models)):
        missing = tuple(name for name in names if (model, name) not in overview.evaluated)
        if missing:
            shown = (
                " and ".join(map(brief, missing)) if len(missing) < 3 else f"{len(missing)} of {len(names)} datasets"
            )
            job_form = EvaluateForm(models=(model,), datasets=missing)
            sentence = f"{brief(model)} has not been evaluated on {shown}:"
            return _step(sentence, job_form, overview, workspace_option)
    learnable = tuple(dataset.name for dataset in overview.datasets if dataset.events.get(Split.TRAIN))
    strongest = max(BASELINES, key=lambda spec: len(spec.made_of))
    if learnable and not any(model.variant == strongest.name for model in overview.models):
        sentence = f"All are evaluated: Results (4) compares them. {strongest.name} adds {strongest.summary}:"
        return _step(sentence, BaselineForm(baseline=strongest.name, datasets=learnable), overview, workspace_option)
    if learnable and not any(model.lineage for model in overview.models):
        training = next((job for job in overview.jobs if job.kind == "train"), None)
        if training is not None:
            return _at_it(training, "Meanwhile Results (4) compares what there is.")
        sentence = "All are evaluated: Results (4) compares them. No text model has been trained here yet:"
        return _step(sentence, TrainForm(datasets=learnable), overview, workspace_option)
    return NextStep(
        "Every model is evaluated on every dataset. Results (4) compares them, Users (5) shows single cases, "
        "and n starts more."
    )


def _nothing_to_test(overview: Overview, workspace_option: Path | None) -> NextStep:
    bringing = next((job for job in overview.jobs if job.kind in BRINGS_DATA), None)
    if bringing is not None:
        return _at_it(bringing, "It brings data.")
    shown = ", ".join(brief(dataset.name) for dataset in overview.datasets[:3])
    return NextStep(
        plain(
            f"No dataset here has test events ({shown}), so no model can be evaluated. Ingest the files again with "
            "another split and replace: i does it. This shows how the events are divided:"
        ),
        (command(["datasets", overview.datasets[0].name], workspace_option),),
    )


def _first_data(overview: Overview, workspace_option: Path | None) -> NextStep:
    from workbench.launch.demo import DemoForm

    bringing = next((job for job in overview.jobs if job.kind in BRINGS_DATA), None)
    if bringing is not None:
        return _at_it(bringing, "It brings the first data.")
    where = "This workspace has no dataset yet" if overview.exists else "There is no workspace here yet"
    return NextStep(
        f"{where}. The demo makes one with films and a synthetic shop in a few minutes; i reads your own files.",
        (
            command(["demo"], workspace_option),
            command(["ingest", "movielens", "FOLDER"], workspace_option),
            command(["ingest", "table", "--events", "FILE", "--items", "FILE", "--name", "NAME"], workspace_option),
        ),
        DemoForm(),
    )


def _step(sentence: str, job_form: JobForm, overview: Overview, workspace_option: Path | None) -> NextStep:
    words = job_form.words(detach=False)
    for job in overview.jobs:
        if list(job.arguments) == words:
            return _at_it(job, "")
    return NextStep(plain(sentence), (command(words, workspace_option),), job_form)


def _at_it(job: Job, more: str) -> NextStep:
    return NextStep(plain(f"Job {job.id} is at it: {what(job)}. 3 shows how it goes. {more}").rstrip())
