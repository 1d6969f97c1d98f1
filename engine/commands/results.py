"""`st5 results` and `st5 ranks`: what was measured, per slice and per event."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.audit.order_findings import failures, verdict
from engine.commands.options import JsonOption, WorkspaceOption, names, open_workspace
from engine.commands.output import Form, chosen_form, print_csv, print_json, say, say_wrapped
from engine.measuring.choices import Averaging, ComparisonSpec, Significance
from store.enums import Seen, Slice, Split
from store.errors import BadInput

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from engine.measuring.slices import Condition
    from store.evaluations import MetricRow

HEADLINE = ("hr@10", "ndcg@10", "hr@50", "ndcg@50", "mrr")
ALONE = ("ndcg@10",)  # the metric of a table, and of what is computed anew, if none is named
MORE = "Also: --metric hr@10,mrr · --seen keep · --by history-length · --compare A B · --json · --help"
MARKED_AT_ONCE = 4_000_000  # values of events whose bootstrap takes about a second


def results(
    by: Annotated[Slice | None, typer.Option(help="Divide events by this.", show_default="all")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SLICE=VALUE",
            help="Only events like this, such as target=cold; repeat it for more. JSON calls such a slice "
            '"history-length & target=cold".',
        ),
    ] = None,
    compare: Annotated[
        tuple[str, str] | None, typer.Option(help="Paired difference of two models, A minus B.", metavar="A B")
    ] = None,
    against: Annotated[str, typer.Option(help="Paired difference of every other model minus this one.")] = "",
    test: Annotated[
        Significance | None,
        typer.Option(help="Where p comes from: bootstrap or permutation.", show_default="bootstrap"),
    ] = None,
    seeds: Annotated[
        bool, typer.Option("--seeds", help="One row for models that differ in their seed only: mean and spread.")
    ] = False,
    mean: Annotated[
        Averaging, typer.Option(help="Every event weighs the same, or every user; JSON and CSV have both.")
    ] = Averaging.EVENT,
    metric: Annotated[
        str,
        typer.Option(
            help="Such as ndcg@10, hr@50 or mrr; several with commas.",
            show_default="ndcg@10; --json, --csv, --compare and --against take several",
        ),
    ] = "",
    seen: Annotated[
        Seen | None,
        typer.Option(
            help="keep or mask the items of the history.",
            show_default="mask; --json, --csv, --compare and --against take both",
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="Only this model.")] = "",
    dataset: Annotated[str, typer.Option(help="Only this dataset.")] = "",
    marks: Annotated[
        bool | None,
        typer.Option(
            "--marks/--no-marks",
            help="Mark what does not differ significantly from the best.",
            show_default="where it takes no longer than about a second",
        ),
    ] = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_markdown: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show models beside each other: NDCG@10, seen items masked, a column for each dataset; or what else is asked for.

    Example: st5 results --by history-length --where target=cold --metric ndcg@10 --seen mask
    """
    form = chosen_form(as_json=as_json, as_csv=as_csv, as_markdown=as_markdown)
    _check_options(compare, against, test, seeds, model)
    asked = ComparisonSpec(
        by=by or Slice.ALL,
        metrics=_metrics(names(metric)) or _usual_metrics(compare is not None or bool(against), seeds or bool(where)),
        seen=[seen] if seen else list(Seen),
        where=_conditions(where or []),
        mean=mean,
        test=test or Significance.BOOTSTRAP,
    )
    with open_workspace(workspace).read() as db:
        _check_names(db, model, dataset)
        if compare is not None or against or seeds:
            from engine.commands import comparison

            if compare is not None:
                comparison.print_comparison(db, compare, dataset, asked, form)
            elif against:
                comparison.print_against(db, against, dataset, asked, form)
            else:
                comparison.print_seeds(db, dataset, asked, form)
            return
        if form in (Form.JSON, Form.CSV):
            rows = _rows(db, asked, model, dataset, every_slice=by is None)
            (print_json if form is Form.JSON else print_csv)([metric_json(row) for row in rows])
            return
        usual = not (by or where or metric or seen)
        shown = replace(asked, metrics=asked.metrics or ALONE, seen=[seen or Seen.MASK])
        found = _rows(db, shown, model, dataset, every_slice=False)
        if not found:
            say("Nothing is stored for this choice. `st5 evaluate only pop --datasets NAME` makes the first numbers.")
            return
        _print_tables(db, found, shown, marks, form)
        if usual and form is Form.TABLE:
            say_wrapped([MORE])


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
    from engine.registry import stored_model
    from store import datasets, evaluations

    space = open_workspace(workspace)
    with space.read() as db:
        stored_model(db, model)
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


def _metrics(given: Sequence[str]) -> list[str]:
    """The metrics by their own names; numpy is loaded only where there is something to look up."""
    if not given:
        return []
    from engine.measuring.metrics import measure

    return [str(measure(name)) for name in given]


def _usual_metrics(compared: bool, anew: bool) -> tuple[str, ...]:
    """What is shown where no metric is named; () leaves it to the form."""
    return HEADLINE if compared else ALONE if anew else ()


def _conditions(texts: Sequence[str]) -> list[Condition]:
    if not texts:
        return []
    from engine.measuring.slices import condition

    return [condition(text) for text in texts]


def _check_options(
    compare: tuple[str, str] | None, against: str, test: Significance | None, seeds: bool, model: str
) -> None:
    """`BadInput` for options that contradict each other or would say nothing."""
    chosen = [name for name, given in (("--compare", compare), ("--against", against), ("--seeds", seeds)) if given]
    if len(chosen) > 1:
        raise BadInput(f"{' and '.join(chosen)} exclude each other. Choose one.")
    if test is not None and chosen not in (["--compare"], ["--against"]):
        raise BadInput(f"--test {test} says nothing without --compare A B or --against MODEL.")
    if model and chosen:
        raise BadInput(f"--model {model} says nothing with {chosen[0]}, which chooses the models. Leave it out.")


def _check_names(db: sqlite3.Connection, model: str, dataset: str) -> None:
    from engine.registry import stored_model
    from store import datasets

    if model:
        stored_model(db, model)
    if dataset:
        datasets.dataset(db, dataset)


def _rows(
    db: sqlite3.Connection, spec: ComparisonSpec, model: str, dataset: str, *, every_slice: bool
) -> list[MetricRow]:
    """Stored metrics; where conditions are set or an evaluation lacks the slice, they are computed."""
    from store.evaluations import evaluations, metric_rows

    rule = spec.seen[0] if len(spec.seen) == 1 else ""
    stored: list[MetricRow] = []
    if not spec.where:
        name = "" if every_slice else spec.by.value
        stored = metric_rows(db, slice_name=name, seen=rule, model=model, dataset=dataset)
        if every_slice:
            return [row for row in stored if not spec.metrics or row.metric.metric in spec.metrics]
    having = {row.evaluation.id for row in stored}
    stored = [row for row in stored if not spec.metrics or row.metric.metric in spec.metrics]
    lacking = [each for each in evaluations(db, model=model, dataset=dataset) if each.id not in having]
    if lacking:
        from engine.measuring.ad_hoc_slices import ad_hoc_metrics
        from engine.measuring.metrics import MEASURES, measure

        measures = [measure(name) for name in spec.metrics] or MEASURES
        stored += ad_hoc_metrics(db, lacking, spec.by, spec.where, measures, spec.seen)
        stored.sort(key=lambda row: row.evaluation.id)
    return stored


def _print_tables(
    db: sqlite3.Connection, rows: list[MetricRow], spec: ComparisonSpec, marks: bool | None, form: Form
) -> None:
    """A table for each metric, as the workbench's Results shows it: models as rows, datasets and values as columns."""
    from engine.commands.sheets import print_sheet
    from engine.tables.labels import joined, newest_of_each
    from engine.tables.layouts import layout
    from engine.tables.results_table import arrange
    from engine.tables.sheet import Shown, results_sheet
    from engine.tables.significance import Measured, group_p_values, groups_to_test, verdicts
    from engine.tables.thesis_numbers import ThesisNumbers
    from store import datasets, models

    newest = newest_of_each({row.evaluation.id: row.evaluation for row in rows}.values())
    known, every_model = datasets.datasets(db), models.models(db)
    chosen = {evaluation.id for evaluation in newest}
    values = sum(evaluation.n for evaluation in newest) * len(spec.metrics)
    tested = marks or (marks is None and values <= MARKED_AT_ONCE)
    notes = [] if tested or marks is False else [f"Testing {values:,} values takes a while; --marks does it."]
    by_user = spec.mean is Averaging.USER
    for metric in spec.metrics:
        measured = Measured(spec.by, metric, spec.seen[0], by_user, tuple(spec.where))
        table = arrange(
            [row for row in rows if row.metric.metric == metric and row.evaluation.id in chosen],
            layout("", newest, every_model, joined(newest), one_dataset=False),
            ThesisNumbers(every_model, known),
            user_mean=by_user,
            limit=None,
        )
        groups = groups_to_test(table, measured) if tested else {}
        answers = {group: group_p_values(db, group, cells) for group, cells in groups.items()}
        shown = Shown(range(len(table.rows)), verdicts=verdicts(groups, answers, table))
        prints = {each.name: each.fingerprint for each in known}
        evaluated = {evaluation.dataset for evaluation in newest}
        suspect = [f"{each.name}: {verdict(each)}." for each in known if each.name in evaluated and failures(each)]
        print_sheet(results_sheet(table, measured, shown, prints, [*notes, *suspect]), form)
