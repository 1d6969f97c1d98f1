"""`st5 baseline`, `st5 evaluate`: measure models."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from engine.baselines.specs import BASELINES, TEXT
from engine.commands.options import (
    DetachOption,
    JsonOption,
    SeedOption,
    WorkspaceOption,
    names,
    open_workspace,
    whole_numbers,
)
from engine.commands.output import print_json, print_table, say
from store.enums import Seen, Split
from store.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine.progress import Observer
    from engine.protocol import EvaluationOptions
    from engine.registry import ModelSpec
    from engine.text_format import TextFormat
    from store.workspace import Workspace

READING = tuple(spec for spec in BASELINES if spec.vectors)
CHANGED = tuple(spec for spec in BASELINES if spec.settings)
READY = tuple(spec for spec in BASELINES if not spec.trained)
MADE_OF = tuple(spec for spec in BASELINES if spec.parts and not spec.made_of)


def _list(specs: Sequence[ModelSpec]) -> str:
    """Their names as a sentence has them."""
    *names, last = (spec.name for spec in specs)
    return f"{', '.join(names)} and {last}" if names else last


DatasetsOption = Annotated[str, typer.Option("--datasets", "-d", help="Names of datasets, comma-separated.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
PrecisionOption = Annotated[str, typer.Option(help="auto, fp32 or bf16 (auto: bf16 where the device is fast at it).")]
SplitOption = Annotated[Split, typer.Option(help="Which events to predict.")]
SampleOption = Annotated[int, typer.Option(help="Evaluate so many events, drawn with --seed; 0 takes all.")]
HistoryOption = Annotated[
    str,
    typer.Option(
        "--history",
        help="structured, unstructured, instruction+structured, instruction+unstructured (thesis 4.1.1), newest-first, "
        "or unordered (both structured).",
        show_default="what the model was trained on, else structured",
    ),
]
ItemTextOption = Annotated[
    str,
    typer.Option(
        "--item-text",
        help="title, title+description or fields (thesis 4.1.2).",
        show_default="what the model was trained on, else title",
    ),
]


def baseline(
    name: Annotated[str, typer.Argument(help=f"{_list(BASELINES)}, or one of an installed package.")],
    datasets: DatasetsOption,
    features: Annotated[
        str,
        typer.Option(help=f"The text model that {_list(READING)} take their vectors from.", show_default="only"),
    ] = "",
    parts: Annotated[
        str, typer.Option(help=f"The models that {_list(MADE_OF)} is made of, comma-separated.", show_default="none")
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help=f"Override a setting of {_list(CHANGED)}; repeatable."),
    ] = None,
    called: Annotated[
        str, typer.Option("--name", help="Name of the model that is created.", show_default="that of the baseline")
    ] = "",
    seed: Annotated[int | None, typer.Option(help="Decides all that is random in training.", show_default="0")] = None,
    sample: Annotated[
        int, typer.Option(help="Evaluate so many events, those of `evaluate --seed 0`; 0 takes all.")
    ] = 0,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    detach: DetachOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a baseline and evaluate it; one that learns is trained on each dataset first.

    Example: st5 baseline pop --datasets ml-100k
    """
    from engine.baselines.request import BaselineRequest, check_baseline
    from engine.models import make_baseline
    from engine.protocol import EvaluationOptions

    check_precision(precision)
    space, chosen = open_workspace(workspace), names(datasets)
    request = BaselineRequest(name, features, called, seed, tuple(settings or ()), tuple(names(parts)) if parts else ())
    options = EvaluationOptions(sample=sample, device=device, precision=precision)
    _check_names(space, [], chosen)
    kind = check_baseline(space, request)
    if kind.trained:
        _check_trainable(space, chosen)

    def make(observer: Observer) -> list[str]:
        model = make_baseline(space, request)
        if kind.trained:
            from engine.baselines.trained import train_baseline

            def tell(of: str, message: str) -> None:
                observer.tell(of, message)
                if of in ("weight", "whitening"):  # what was chosen, and why not; epochs are for the log
                    say(message)

            for dataset in chosen:
                train_baseline(space, model, dataset, replace(observer, tell=tell), device=device)
        return [model.name]

    _job(space, "baseline", make, chosen, [options], detach=detach, trains=kind.trained)


def evaluate(
    models: Annotated[
        list[str], typer.Argument(help=f"Names of models; {_list((TEXT, *READY))} are created on first use.")
    ],
    datasets: DatasetsOption,
    split: SplitOption = Split.TEST,
    sample: SampleOption = 0,
    seed: SeedOption = 0,
    history: HistoryOption = "",
    item_text: ItemTextOption = "",
    shuffle: Annotated[
        str,
        typer.Option(
            metavar="SEEDS",
            help="Read histories in orders drawn with these seeds (comma-separated), to see what order is worth; "
            "`st5 experiment order-use` shows it, other tables leave it out.",
            show_default="their own order",
        ),
    ] = "",
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
        text_format=text_format(history, item_text),
        device=device,
        precision=precision,
    )
    orders = [replace(options, shuffle=seed) for seed in whole_numbers("--shuffle", shuffle)] or [options]
    evaluate_all(open_workspace(workspace), models, names(datasets), orders, as_json=as_json, detach=detach)


def text_format(history: str, item_text: str) -> TextFormat:
    """What two options say, "" for what the model was trained on; `BadInput` with what is allowed."""
    from engine.text.sentences import HistoryFormat, ItemText
    from engine.text_format import TextFormat
    from store.errors import unknown

    if history and history not in list(HistoryFormat):
        raise unknown("history format", history, list(HistoryFormat))
    if item_text and item_text not in list(ItemText):
        raise unknown("item text", item_text, list(ItemText))
    return TextFormat(HistoryFormat(history) if history else None, ItemText(item_text) if item_text else None)


def options_for(*, device: str, precision: str) -> EvaluationOptions:
    """Evaluation options with this device and precision, the rest as usual."""
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
    options: Sequence[EvaluationOptions],
    *,
    as_json: bool = False,
    detach: bool = False,
) -> None:
    """Evaluate every model on every dataset under all of these options, as one job, and print what was found.

    The options may differ in their shuffle.
    """
    from engine.protocol import without_effect

    _check_names(space, models, datasets)
    for sentence in without_effect(space, models, options[0]):
        say(f"Warning: {sentence}")
    _job(space, "evaluate", lambda observer: models, datasets, options, as_json=as_json, detach=detach)


def _check_names(space: Workspace, models: Iterable[str], names: Sequence[str]) -> None:
    """`BadInput` for the first unknown model or dataset, or pair that must be trained, before any work is done."""
    from engine.baselines.stored import trained_baseline
    from engine.registry import made_on_first_use, spec_of, stored_model
    from store import datasets as stored_datasets

    if not names:
        raise BadInput("--datasets is empty. Name at least one; `st5 datasets` lists them.")
    with space.read() as db:
        found = [stored_datasets.dataset(db, name) for name in names]
        for name in models:
            if name in made_on_first_use():
                continue
            model = stored_model(db, name)
            for dataset in found if spec_of(model).trained else ():
                trained_baseline(db, model, dataset)


def _check_trainable(space: Workspace, names: Sequence[str]) -> None:
    """`BadInput` for the first dataset without train events."""
    from store import datasets as stored_datasets

    with space.read() as db:
        for dataset in (stored_datasets.dataset(db, name) for name in names):
            if not dataset.events.get(Split.TRAIN):
                raise BadInput(
                    f"{dataset.name} has no train events, so nothing can be learned from it. "
                    "Ingest it with other split boundaries, or leave it out of --datasets."
                )


def _job(
    space: Workspace,
    kind: str,
    models: Callable[[Observer], list[str]],
    datasets: list[str],
    options: Sequence[EvaluationOptions],
    *,
    as_json: bool = False,
    detach: bool = False,
    trains: bool = False,
) -> None:
    """Evaluate what `models` makes or names. Where that means training, it waits for the device as a training does."""
    from engine.jobs import submit

    def work(observer: Observer) -> list[int]:
        from engine.evaluation import JointProgress, evaluate

        made = []
        chosen = list(dict.fromkeys(models(observer)))
        sizes = _sizes(space, datasets, options[0])
        asked = [(model, dataset, order) for dataset in datasets for model in chosen for order in options]
        pairs = [(model, dataset) for model, dataset, _ in asked]
        progress = JointProgress(observer.progress, pairs, [sizes[dataset] for _, dataset in pairs])
        for model, dataset, order in asked:
            progress.next()
            found = evaluate(space, model, dataset, order, progress)
            made.append(found.id)
            words = f"{model} on {dataset}: {found.n} events in {found.seconds:.1f} s ({found.device})"
            observer.tell("evaluation", words)
            say(words)
        observer.tell("result", words if len(made) == 1 else f"{len(made)} evaluations")
        return made

    made = submit.submit_job(
        space, kind, work, detach=detach, device=lambda: device_to_lock(options[0].device, shared=not trains)
    )
    if made is not None:
        _print_metrics(space, made, as_json=as_json)


def _sizes(space: Workspace, names: Sequence[str], options: EvaluationOptions) -> dict[str, tuple[int, int]]:
    """Items and events to evaluate of each dataset."""
    from store import datasets as stored_datasets

    with space.read() as db:
        found = [stored_datasets.dataset(db, name) for name in names]
    events = {dataset.name: dataset.events.get(options.split, 0) for dataset in found}
    return {one.name: (one.items, min(options.sample or events[one.name], events[one.name])) for one in found}


def device_to_lock(device: str, *, shared: bool) -> str:
    """The device whose turn the work waits for; processors are shared unless something is trained."""
    from engine.encoding.device import choose_device

    chosen = choose_device(device)
    return "" if shared and chosen.type == "cpu" else str(chosen)


def _print_metrics(space: Workspace, evaluation_ids: list[int], *, as_json: bool) -> None:
    from engine.commands.results import metric_json
    from store.evaluations import metric_rows

    with space.read() as db:
        rows = [row for row in metric_rows(db, slice_name="all", every=True) if row.evaluation.id in evaluation_ids]
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
