"""`st5 train`, `st5 baseline`, `st5 evaluate`: make models and measure them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from engine.commands.options import JsonOption, SeedOption, WorkspaceOption, names, open_workspace
from engine.commands.output import print_json, print_table, progress_bar, say
from store.errors import BadInput
from store.words import Seen, Split

if TYPE_CHECKING:
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


class Variant(StrEnum):
    """The variants that can be made."""

    ONLY = "only"


def train(
    variant: Annotated[Variant, typer.Argument(help="only: the backbone as it is, nothing trained.")],
    datasets: Annotated[str, typer.Option("--datasets", "-d", help="Also evaluate on these (comma-separated).")] = "",
    backbone: Annotated[
        str, typer.Option(help="A sentence-transformers folder, or a name on the hub.", show_default="the embedded one")
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the model.", show_default="the variant")] = "",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    workspace: WorkspaceOption = None,
) -> None:
    """Make a text model.

    Example: st5 train only --backbone sentence-transformers/sentence-t5-base --name st5-only
    """
    from engine.models import make_only

    check_precision(precision)
    space = open_workspace(workspace)
    model = make_only(space, name=name or variant.value, backbone=backbone, device=device, precision=precision)
    say(f"{model.name}: {model.backbone}, {model.recipe['length']} tokens, weights {model.weights_hash[:12]}.")
    if datasets:
        _evaluate_all(space, [model.name], names(datasets), _options(device=device, precision=precision))


def baseline(
    name: Annotated[str, typer.Argument(help="pop, pop-recent or last-item.")],
    datasets: DatasetsOption,
    features: Annotated[
        str, typer.Option(help="The text model that last-item takes its vectors from.", show_default="only")
    ] = "",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    workspace: WorkspaceOption = None,
) -> None:
    """Make a baseline and evaluate it.

    Example: st5 baseline pop --datasets ml-100k
    """
    from engine.models import make_baseline

    check_precision(precision)
    space = open_workspace(workspace)
    model = make_baseline(space, name, features)
    _evaluate_all(space, [model.name], names(datasets), _options(device=device, precision=precision))


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
    _evaluate_all(open_workspace(workspace), models, names(datasets), options, as_json=as_json)


def template(history: str, item_text: str) -> Template:
    """The template that two options name; `BadInput` with what is allowed."""
    from engine.text.sentences import HistoryFormat, ItemText, Template
    from store.errors import unknown

    if history not in list(HistoryFormat):
        raise unknown("history format", history, list(HistoryFormat))
    if item_text not in list(ItemText):
        raise unknown("item text", item_text, list(ItemText))
    return Template(HistoryFormat(history), ItemText(item_text))


def _options(*, device: str, precision: str) -> EvaluationOptions:
    from engine.protocol import EvaluationOptions

    return EvaluationOptions(device=device, precision=precision)


def check_precision(precision: str) -> None:
    """`BadInput` unless the option is one of auto, fp32 and bf16."""
    if precision not in ("auto", "fp32", "bf16"):
        raise BadInput(f'--precision "{precision}": allowed are auto, fp32 and bf16.')


def _evaluate_all(
    space: Workspace, models: list[str], datasets: list[str], options: EvaluationOptions, *, as_json: bool = False
) -> None:
    from engine.commands.results import metric_json
    from engine.evaluation import check_names, evaluate
    from store.evaluations import metric_rows

    if not datasets:
        raise BadInput("--datasets is empty. Name at least one; `st5 datasets` lists them.")
    check_names(space, models, datasets)
    made = []
    with progress_bar() as progress:
        for dataset in datasets:
            for model in dict.fromkeys(models):
                evaluation = evaluate(space, model, dataset, options, progress)
                made.append(evaluation.id)
                say(f"{model} on {dataset}: {evaluation.n} events in {evaluation.seconds:.1f} s ({evaluation.device})")
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
