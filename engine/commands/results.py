"""`st5 results` and `st5 ranks`: what was measured, per slice and per event."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.commands.options import JsonOption, WorkspaceOption, names, open_workspace
from engine.commands.output import Form, chosen_form, print_csv, print_json, print_markdown, print_table, say
from store.words import Seen, Slice, Split

if TYPE_CHECKING:
    from store.evaluations import MetricRow

HEADLINE = ("hr@10", "ndcg@10", "hr@50", "ndcg@50", "mrr")


def results(
    by: Annotated[Slice | None, typer.Option(help="Divide events by this.", show_default="all")] = None,
    compare: Annotated[
        tuple[str, str] | None, typer.Option(help="Paired difference of two models, A minus B.", metavar="A B")
    ] = None,
    metric: Annotated[str, typer.Option(help="Such as ndcg@10, hr@50 or mrr; several with commas.")] = "",
    seen: Annotated[Seen | None, typer.Option(help="keep or mask the items of the history.")] = None,
    model: Annotated[str, typer.Option(help="Only this model.")] = "",
    dataset: Annotated[str, typer.Option(help="Only this dataset.")] = "",
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_markdown: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show stored metrics.

    Example: st5 results --by history-length --metric ndcg@10 --seen mask
    """
    from engine.measuring.metrics import measure
    from store.evaluations import metric_rows

    form = chosen_form(as_json=as_json, as_csv=as_csv, as_markdown=as_markdown)
    wanted = [str(measure(name)) for name in names(metric)]
    space = open_workspace(workspace)
    if compare is not None:
        from engine.commands.comparison import print_comparison

        print_comparison(space, compare, by or Slice.ALL, wanted, seen, dataset, form=form)
        return
    everything = form in (Form.JSON, Form.CSV)
    with space.read() as db:
        _check_filters(db, model, dataset)
        slice_name = by.value if by else "" if everything else Slice.ALL.value
        rows = metric_rows(db, slice_name=slice_name, seen=seen or "", model=model, dataset=dataset)
    rows = [
        row for row in rows if (row.metric.metric in wanted if wanted else everything or row.metric.metric in HEADLINE)
    ]
    if form is Form.JSON:
        print_json([metric_json(row) for row in rows])
    elif form is Form.CSV:
        print_csv([metric_json(row) for row in rows])
    elif form is Form.MARKDOWN:
        print_markdown(*_wide(rows))
    elif not rows:
        say("Nothing is stored for this choice. `st5 evaluate only pop --datasets NAME` makes the first numbers.")
    else:
        columns, cells = _wide(rows)
        print_table(columns, cells, right=",".join(columns[5:]))
        _print_protocols(rows)


def ranks(
    model: Annotated[str, typer.Argument(help="Name of a model.")],
    dataset: Annotated[str, typer.Option(help="Name of a dataset.")],
    out: Annotated[Path, typer.Option(help="CSV file to write.")],
    split: Annotated[Split, typer.Option(help="Which events.")] = Split.TEST,
    workspace: WorkspaceOption = None,
) -> None:
    """Write one row per event with its exact ranks.

    Example: st5 ranks only --dataset ml-100k --out ranks.csv
    """
    from engine.commands.files import writing
    from store import datasets, evaluations, models

    space = open_workspace(workspace)
    with space.read() as db:
        models.model(db, model)
        of = datasets.dataset(db, dataset)
        evaluation = evaluations.newest_evaluation(db, model, dataset, split)
        found = evaluations.ranks(db, evaluation)
        users = datasets.user_keys(db, of.id)
        keys = {item.item: item.key for item in datasets.items(db, of.id)}
        rows = {event.event: event for event in datasets.split_events(db, of.id, split)}
    with writing(out) as file:
        writer = csv.writer(file)
        writer.writerow(
            ["user", "target", "history_length", "better", "tied", "better_masked", "tied_masked", "candidates"]
        )
        columns = (found.event, found.better, found.tied, found.better_masked, found.tied_masked)
        for number, *pair in zip(*(column.tolist() for column in columns), strict=True):
            event = rows[number]
            writer.writerow([users[event.user], keys[event.item], event.length, *pair, evaluation.candidates])
    say(f"{out}: {len(found)} events of {model} on {dataset} ({evaluation.protocol_text}).")


def metric_json(row: MetricRow) -> dict[str, Any]:
    """One metric as `results --json` prints it."""
    evaluation, metric = row.evaluation, row.metric
    return {
        "model": evaluation.model,
        "dataset": evaluation.dataset,
        "split": evaluation.split.value,
        "slice": metric.slice,
        "value": metric.value,
        "metric": metric.metric,
        "n": metric.n,
        "mean": metric.mean,
        "low": metric.low,
        "high": metric.high,
        "seen": metric.seen,
        "protocol": evaluation.protocol_text,
        "users": metric.users,
        "user_mean": metric.user_mean,
        "user_low": metric.user_low,
        "user_high": metric.user_high,
        "tie_lower": metric.lower,
        "tie_upper": metric.upper,
        "candidates": evaluation.candidates,
        "evaluation": evaluation.key,
        "device": evaluation.device,
    }


def _check_filters(db: Any, model: str, dataset: str) -> None:
    from store import datasets, models

    if model:
        models.model(db, model)
    if dataset:
        datasets.dataset(db, dataset)


def _wide(rows: list[MetricRow]) -> tuple[list[str], list[list[str]]]:
    """One line per model, dataset, slice value and seen rule; one column per metric: mean ± half of the interval."""
    metrics = list(dict.fromkeys(row.metric.metric for row in rows))
    lines: dict[tuple[Any, ...], dict[str, str]] = {}
    for row in rows:
        metric = row.metric
        key = (
            row.evaluation.dataset,
            metric.value if metric.slice != Slice.ALL else "all",
            row.evaluation.model,
            f"{row.evaluation.split} #{row.evaluation.id}",
            metric.seen,
            str(metric.n),
        )
        lines.setdefault(key, {})[metric.metric] = f"{metric.mean:.4f} [{metric.low:.4f}, {metric.high:.4f}]"
    columns = ["dataset", "value", "model", "split", "seen", "n", *metrics]
    return columns, [[*key, *(cells.get(name, "–") for name in metrics)] for key, cells in lines.items()]


def _print_protocols(rows: list[MetricRow]) -> None:
    seen: dict[int, str] = {}
    for row in rows:
        seen.setdefault(
            row.evaluation.id, f"#{row.evaluation.id} {row.evaluation.model}: {row.evaluation.protocol_text}"
        )
    say("\n".join(["Mean with its 95 % interval, clustered by user. Protocols:", *seen.values()]))
