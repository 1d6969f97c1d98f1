"""The ways to lay out a table of Results: slices, formats or variants as columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from engine.tables.labels import FORMAT, SEPARATOR, USUAL, Row, RowKey, key_of, row_labels, row_of
from engine.tables.results_table import TableLayout
from store.rows import Evaluation, Model

FORMATS, VARIANTS = "format", "variant"
VARIANT_ORDER = ("only", "nopre", "itempre", "final")
WITHOUT_TRAINING = VARIANT_ORDER[0]
_NEWEST = USUAL["history"][1]  # no format: a baseline that reads one item
_OF_MODEL = ("weights", "tokenizer", "window", "prompts")  # of a protocol, what a model brings along


def layout(
    by: str, evaluations: Sequence[Evaluation], models: Iterable[Model], rows: Mapping[int, Row], *, one_dataset: bool
) -> TableLayout:
    """The layout of these evaluations by formats, by variants or else by slices, then with these rows."""
    if by == FORMATS:
        return _by_format(evaluations, one_dataset=one_dataset)
    if by == VARIANTS:
        return _by_variant(evaluations, {model.name: model for model in models}, one_dataset=one_dataset)
    own = {evaluation.id: rows[evaluation.id] for evaluation in evaluations}
    return TableLayout(
        {number: (key_of(row),) for number, row in own.items()},
        row_labels(own.values()),
        lambda evaluation, metric: (evaluation.dataset, metric.value),
    )


def _by_format(evaluations: Sequence[Evaluation], *, one_dataset: bool) -> TableLayout:
    """Models (on their datasets) as rows, the formats of histories and items as columns."""
    rows: dict[int, Row] = {}
    others: dict[str, None] = {}
    for evaluation in evaluations:
        if evaluation.protocol.get("history") in (None, "", _NEWEST):
            others[evaluation.model] = None
            continue
        name, settings = row_of(evaluation)
        shared = {setting: value for setting, value in settings.items() if setting not in FORMAT}
        rows[evaluation.id] = (name, {"dataset": evaluation.dataset, **shared})
    notes = (f"Without a format of the history: {', '.join(others)}.",) if others else ()
    return TableLayout(
        {number: (key_of(row),) for number, row in rows.items()},
        _labels(rows.values(), one_dataset=one_dataset),
        lambda evaluation, _: ("", format_of(evaluation)),
        first=(SEPARATOR.join(usual[0] for usual in USUAL.values()),),
        across=True,
        notes=notes,
    )


def format_of(evaluation: Evaluation) -> str:
    """How an evaluation wrote histories and items: `structured · title`."""
    protocol = evaluation.protocol
    return SEPARATOR.join(str(protocol.get(name) or "–") for name in ("history", "item_text"))


def _by_variant(evaluations: Sequence[Evaluation], models: dict[str, Model], *, one_dataset: bool) -> TableLayout:
    """Backbones with their training (on their datasets) as rows, variants as columns.

    What was not trained stands beside every training of its backbone.
    """
    of_text = {e.id: e for e in evaluations if e.model in models and models[e.model].backbone}
    bases = {number: _backbone(each, models[each.model]) for number, each in of_text.items()}
    trained = {number: _trained(models[each.model], bases[number]) for number, each in of_text.items()}
    alike = Counter((key_of(row), models[of_text[n].model].variant) for n, row in trained.items() if row)
    rows: dict[int, tuple[Row, ...]] = {}
    for number, row in trained.items():
        model = models[of_text[number].model]
        if row is not None:
            same = alike[key_of(row), model.variant] > 1  # in all that is known of their training: a row for each
            rows[number] = ((row[0], {**row[1], "model": model.name}) if same else row,)
    beside: dict[RowKey, dict[RowKey, Row]] = {}
    for number, own in rows.items():
        beside.setdefault(key_of(bases[number]), {})[key_of(own[0])] = own[0]
    for number in [number for number in of_text if number not in rows]:
        rows[number] = tuple(beside.get(key_of(bases[number]), {"": bases[number]}).values())
    left = dict.fromkeys(each.model for each in evaluations if each.id not in of_text)
    notes = (f"Without a backbone: {', '.join(left)}.",) if left else ()
    windows = sorted({each.protocol.get("window") or 0 for each in of_text.values()})
    if len(windows) > 1:
        *most, last = map(str, windows)
        notes = (*notes, f"Models read up to {', '.join(most)} or {last} tokens: see each protocol.")
    ordered = {number: rows[number] for number in of_text}
    return TableLayout(
        {number: tuple(map(key_of, own)) for number, own in ordered.items()},
        _labels((row for own in ordered.values() for row in own), one_dataset=one_dataset),
        lambda evaluation, _: ("", models[evaluation.model].variant),
        first=VARIANT_ORDER,
        across=True,
        notes=notes,
    )


def _backbone(evaluation: Evaluation, model: Model) -> Row:
    """The row of a model without training: its backbone, and how it was measured."""
    settings = {name: value for name, value in row_of(evaluation)[1].items() if name not in _OF_MODEL}
    return model.backbone, {"dataset": evaluation.dataset, **settings}


def _trained(model: Model, base: Row) -> Row | None:
    """The row of a model's training; None without one."""
    if model.variant == WITHOUT_TRAINING:
        return None
    asked = model.recipe.get("request")
    datasets = asked.get("datasets") if isinstance(asked, dict) else None
    training = {
        "recipe": str(model.recipe.get("recipe") or "–"),
        "trained on": ", ".join(datasets) if isinstance(datasets, dict) else "–",
        "seed": "–" if model.seed is None else str(model.seed),
    }
    return base[0], {**base[1], **training}


def _labels(rows: Iterable[Row], *, one_dataset: bool) -> dict[RowKey, str]:
    """Labels that say the dataset after the name where there are several, then what differs within it."""
    found: dict[RowKey, str] = {}
    by_dataset: dict[str, list[Row]] = {}
    for row in rows:
        by_dataset.setdefault(row[1]["dataset"], []).append(row)
    for dataset, own in by_dataset.items():
        for key, label in row_labels(own).items():
            name, _, rest = label.partition(SEPARATOR)
            found[key] = SEPARATOR.join(filter(None, (name, "" if one_dataset else dataset, rest)))
    return found
