"""`st5 baseline`, `st5 evaluate`: measure models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.commands.options import DetachOption, JsonOption, SeedOption, WorkspaceOption, names, open_workspace
from engine.commands.output import print_json, print_table, say
from store.errors import BadInput
from store.words import Seen, Split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine.progress import Observer
    from engine.protocol import EvaluationOptions
    from engine.text.sentences import Template
    from store.workspace import Workspace

DatasetsOption = Annotated[str, typer.Option("--datasets", "-d", help="Names of datasets, comma-separated.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
PrecisionOption = Annotated[str, typer.Option(help="auto, fp32 or bf16 (auto: bf16 where the device is fast at it).")]
SplitOption = Annotated[Split, typer.Option(help="Which events to predict.")]
SampleOption = Annotated[int, typer.Option(help="Evaluate so many events, drawn with --seed; 0 takes all.")]
HistoryOption = Annotated[
    str,
    typer.Option(
        "--history", help="structured, unstructured, instruction+structured or instruction+unstructured (thesis 4.1.1)."
    ),
]
ItemTextOption = Annotated[str, typer.Option("--item-text", help="title, title+description or fields (thesis 4.1.2).")]


def baseline(
    name: Annotated[str, typer.Argument(help="pop, pop-recent or last-item.")],
    datasets: DatasetsOption,
    features: Annotated[
        str, typer.Option(help="The text model that last-item takes its vectors from.", show_default="only")
    ] = "",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    detach: DetachOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a baseline and evaluate it.

    Example: st5 baseline pop --datasets ml-100k
    """
    from engine.models import check_baseline, make_baseline

    check_precision(precision)
    check_baseline(name, features)
    space, options = open_workspace(workspace), options_for(device=device, precision=precision)
    _check_names(space, [features] if features else [], names(datasets))
    _job(
        space, "baseline", lambda: [make_baseline(space, name, features).name], names(datasets), options, detach=detach
    )


def evaluate(
    models: Annotated[
        list[str], typer.Argument(help="Names of models; only, pop, pop-recent and last-item need no making.")
    ],
    datasets: DatasetsOption,
    split: SplitOption = Split.TEST,
    sample: SampleOption = 0,
    seed: SeedOption = 0,
    history: HistoryOption = "structured",
    item_text: ItemTextOption = "title",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    detach: DetachOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rank whole catalogues and store what was found.

    Example: st5 evaluate only pop --datasets ml-100k --sample 1000
    """
    from engine.protocol import EvaluationOptions

    check_precision(precision)
    options = EvaluationOptions(
        split=split,
        sample=sample,
        seed=seed,
        template=template(history, item_text),
        device=device,
        precision=precision,
    )
    evaluate_all(open_workspace(workspace), models, names(datasets), options, as_json=as_json, detach=detach)


def template(history: str, item_text: str) -> Template:
    """The template that two options name; `BadInput` with what is allowed."""
    from engine.text.sentences import HistoryFormat, ItemText, Template
    from store.errors import unknown

    if history not in list(HistoryFormat):
        raise unknown("history format", history, list(HistoryFormat))
    if item_text not in list(ItemText):
        raise unknown("item text", item_text, list(ItemText))
    return Template(HistoryFormat(history), ItemText(item_text))


def options_for(*, device: str, precision: str) -> EvaluationOptions:
    from engine.protocol import EvaluationOptions

    return EvaluationOptions(device=device, precision=precision)


def check_precision(precision: str) -> None:
    """`BadInput` unless the option is one of auto, fp32 and bf16."""
    if precision not in ("auto", "fp32", "bf16"):
        raise BadInput(f'--precision "{precision}": allowed are auto, fp32 and bf16.')


def evaluate_all(
    space: Workspace,
    models: list[str],
    datasets: list[str],
    options: EvaluationOptions,
    *,
    as_json: bool = False,
    detach: bool = False,
) -> None:
    """Evaluate every model on every dataset, as one job, and print what was found."""
    _check_names(space, models, datasets)
    _job(space, "evaluate", lambda: models, datasets, options, as_json=as_json, detach=detach)


def _check_names(space: Workspace, models: Iterable[str], names: Sequence[str]) -> None:
    """`BadInput` for the first unknown model or dataset, before any work is done."""
    from store import datasets as stored_datasets
    from store import models as stored_models

    if not names:
        raise BadInput("--datasets is empty. Name at least one; `st5 datasets` lists them.")
    with space.read() as db:
        for name in names:
            stored_datasets.dataset(db, name)
        for name in models:
            if name not in stored_models.MADE_ON_FIRST_USE:
                stored_models.model(db, name)


def _job(
    space: Workspace,
    kind: str,
    models: Callable[[], list[str]],
    datasets: list[str],
    options: EvaluationOptions,
    *,
    as_json: bool = False,
    detach: bool = False,
) -> None:
    from engine.jobs import door

    def work(observer: Observer) -> list[int]:
        from engine.evaluation import evaluate

        made = []
        chosen = list(dict.fromkeys(models()))
        for dataset in datasets:
            for model in chosen:
                found = evaluate(space, model, dataset, options, observer.progress)
                made.append(found.id)
                words = f"{model} on {dataset}: {found.n} events in {found.seconds:.1f} s ({found.device})"
                observer.tell("evaluation", words)
                say(words)
        observer.tell("result", words if len(made) == 1 else f"{len(made)} evaluations")
        return made

    made = door.run(space, kind, work, detach=detach, device=lambda: _lease(options.device))
    if made is not None:
        _print_metrics(space, made, as_json=as_json)


def _lease(device: str) -> str:
    """The accelerator whose turn an evaluation waits for; processors are shared."""
    from engine.encoding.device import choose_device

    chosen = choose_device(device)
    return "" if chosen.type == "cpu" else str(chosen)


def _print_metrics(space: Workspace, made: list[int], *, as_json: bool) -> None:
    from engine.commands.results import metric_json
    from store.evaluations import metric_rows

    with space.read() as db:
        rows = [row for row in metric_rows(db, slice_name="all") if row.evaluation.id in made]
    if as_json:
        print_json([metric_json(row) for row in rows])
        return
    shown = [row for row in rows if row.metric.metric in ("hr@10", "ndcg@10") and row.metric.seen == Seen.MASK]
    print_table(
        ["model", "dataset", "metric", "n", "mean", "95 % interval", "protocol"],
        [
            (
                row.evaluation.model,
                row.evaluation.dataset,
                row.metric.metric,
                row.metric.n,
                f"{row.metric.mean:.4f}",
                f"{row.metric.low:.4f}–{row.metric.high:.4f}",
                row.evaluation.protocol_text,
            )
            for row in shown
        ],
        title="Seen items masked; `st5 results` has the rest.",
        right="n,mean",
    )
