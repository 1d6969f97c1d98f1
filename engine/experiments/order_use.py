"""The experiment on the use of order: stored models asked with shuffled histories (Klenitskiy et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.audit.order_figures import CONFIDENCE, SUPPORT, stored_figures
from engine.experiments.context import ExperimentColumn, ExperimentContext
from engine.experiments.evaluations import SEEN, fingerprints, notes, protocol
from engine.experiments.sheet import Cell, Row, Sheet
from engine.experiments.significance import once
from engine.experiments.stored import SHUFFLE_SEEDS
from engine.measuring.choices import Averaging
from engine.measuring.highlighting import holm
from engine.measuring.seeds import spread
from store.enums import Seen
from store.rows import Dataset, Evaluation

if TYPE_CHECKING:
    from engine.measuring.intervals import Mean

AS_IT_IS, SHUFFLED, DROP, P, KEPT = "as it is", "shuffled", "drop", "p (Holm)", "top 10 kept"
NOTES = (
    f"{SHUFFLED}: the mean over {len(SHUFFLE_SEEDS)} orders of each history; the model is not trained again. {DROP}: "
    f"{AS_IT_IS} less {SHUFFLED}, event by event; {P}: that there is none, by a paired bootstrap over users, corrected "
    f"over the table. {KEPT}: share of a top 10 that is in the top 10 of the shuffled history too.",
)
RULES_NOTE = (
    f"A rule: one item comes right after another at least {SUPPORT} times, and after at least {CONFIDENCE:.0%} of the "
    "other's occurrences (Klenitskiy et al. 2024). An order that means something has rules that shuffling breaks."
)


@dataclass(frozen=True)
class Use:
    """One model, dataset, metric and seen rule: the cells of a row, and p before the correction."""

    cells: tuple[Cell, Cell, Cell, Cell]  # as it is, shuffled, drop, top 10 kept
    p: float


def sheets(context: ExperimentContext) -> tuple[Sheet, ...]:
    """The models under each seen rule, then the rules of the datasets."""
    return (*(_models(context, seen) for seen in context.seen), _rules(context))


def _models(context: ExperimentContext, seen: Seen) -> Sheet:
    labels: list[tuple[str, ...]] = []
    found: list[Use] = []
    for dataset in context.datasets:
        for column in context.columns:
            for metric, use in _uses(context, column, dataset, seen).items():
                labels.append((dataset.name, column.arm.label, metric))
                found.append(use)
    rows = [
        Row(label, (*use.cells[:3], Cell(p), use.cells[3]))
        for label, use, p in zip(labels, found, holm([use.p for use in found]), strict=True)
    ]
    shown = [dataset for dataset in context.datasets if any(dataset.name == row.labels[0] for row in rows)]
    return Sheet(
        name=f"{context.definition.name}-{seen}",
        title=f"{context.definition.title}, {SEEN[seen]}",
        heads=("dataset", "model", "metric"),
        columns=(AS_IT_IS, SHUFFLED, DROP, P, KEPT),
        rows=tuple(rows),
        protocol=protocol(context, seen),
        fingerprints=fingerprints(shown),
        notes=(*NOTES, *notes(context)) if rows else (),
    )


def _rules(context: ExperimentContext) -> Sheet:
    rows = []
    for dataset in context.datasets:
        rules = stored_figures(context.db, dataset).rules
        if rules is not None:
            mean, deviation = spread(list(map(float, rules.shuffled)))
            kept = None if rules.kept is None else Cell(100 * rules.kept)
            shuffled = Cell(mean, seeds=len(rules.shuffled), spread=deviation)
            rows.append(Row((dataset.name,), (Cell(rules.as_they_are), shuffled, kept)))
    name, title = f"{context.definition.name}-rules", "Sequential rules of the datasets"
    columns = ("as they are", SHUFFLED, "kept, %")
    prints = fingerprints(context.datasets) if rows else {}
    notes = (RULES_NOTE,) if rows else ()
    return Sheet(name, title, ("dataset",), columns, tuple(rows), decimals=1, fingerprints=prints, notes=notes)


def _uses(context: ExperimentContext, column: ExperimentColumn, dataset: Dataset, seen: Seen) -> dict[str, Use]:
    """The use of order by metric; nothing while an evaluation is missing. A bootstrap, hence made once."""
    if not context.applies(column, dataset):
        return {}
    own = context.evaluation(column, column.models[0], dataset)
    shuffled = [context.evaluation(column, column.models[0], dataset, seed) for seed in SHUFFLE_SEEDS]
    there = [each for each in (own, *shuffled) if each is not None]
    if len(there) <= len(SHUFFLE_SEEDS):
        return {}
    by_user = context.arguments.mean is Averaging.USER
    metrics = context.definition.metrics
    asked = ("order-use", tuple(each.key for each in there), metrics, seen, by_user)
    return dict(once(asked, lambda: _measure(context, there, metrics, seen, by_user=by_user)))


def _measure(
    context: ExperimentContext, of: list[Evaluation], metrics: tuple[str, ...], seen: Seen, *, by_user: bool
) -> dict[str, Use]:
    """of: the evaluation of histories as they are, then those of shuffled ones."""
    from engine.measuring.metrics import measure
    from engine.measuring.order_use import order_use

    found = {}
    for metric in metrics:
        use = order_use(context.db, of, measure(metric), seen)
        own, drop, kept = (_cell(mean, by_user=by_user) for mean in (use.own, use.drop, use.kept))
        means = use.user_means if by_user else use.means
        mean, deviation = spread(list(means))
        shuffled = Cell(mean, n=own.n, users=own.users, seeds=len(means), spread=deviation)
        cells = (replace(own, evaluation=of[0].key), shuffled, drop, kept)
        found[metric] = Use(cells, use.drop.user_p if by_user else use.drop.p)
    return found


def _cell(mean: Mean, *, by_user: bool) -> Cell:
    span = (mean.user_mean, mean.user_low, mean.user_high) if by_user else (mean.mean, mean.low, mean.high)
    return Cell(*span, n=mean.n, users=mean.users)
