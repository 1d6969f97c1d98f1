"""Names for evaluations in a view: the model's, and what tells its protocols apart where there are several."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from store.rows import Evaluation

SEPARATOR = " · "
RowKey = tuple[str, str]
Settings = dict[str, Any]
Row = tuple[str, Settings]  # its name, and what makes it another row than those of the same name
FORMAT = ("history", "item_text", "structured")  # how histories and items were written
USUAL = {"history": ("structured", "newest item"), "item_text": ("title",)}  # the defaults, which a label leaves out
PLAIN = ("dataset", "model")  # of rows that are not models: the value says what it is
_IMPLIED = ("structured",)  # said by the history format already
_ENCODE = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode  # `json.dumps` would make one each time
_SAMPLE = ("sample", "sample_seed")


def row_of(evaluation: Evaluation) -> Row:
    """What puts evaluations of several datasets into one row: the model and how it was measured.

    A baseline that is trained on each dataset has other weights on each, and one row all the same; what decides
    between events of one time belongs to the dataset.
    """
    own = {} if evaluation.protocol.get("tokenizer") else {"weights": None}
    rules = {name: value for name, value in evaluation.protocol.items() if name != "same_time"}
    return evaluation.model, {"split": evaluation.split.value, **rules, **own}


def key_of(row: Row) -> RowKey:
    """The key of a row: its name, and its settings in one order."""
    name, settings = row
    return name, _ENCODE(settings)


def row_key(evaluation: Evaluation) -> RowKey:
    """The key of the row that an evaluation is in where models are rows."""
    return key_of(row_of(evaluation))


def joined(evaluations: Sequence[Evaluation]) -> dict[int, Row]:
    """The row of each evaluation (by its id) in a table of several datasets.

    What was measured on a sample of one dataset and on all events of another is one row, since each dataset has a
    column of its own; not so for a model of which a dataset has both.
    """
    rows = {each.id: row_of(each) for each in evaluations}
    bare = {id: (name, {k: v for k, v in own.items() if k not in _SAMPLE}) for id, (name, own) in rows.items()}
    keys = {id: key_of(row) for id, row in bare.items()}
    places = Counter((keys[each.id], each.dataset) for each in evaluations)
    apart = {key[0] for (key, _), times in places.items() if times > 1}
    return {id: rows[id] if rows[id][0] in apart else bare[id] for id in rows}


def labels(evaluations: Iterable[Evaluation]) -> dict[RowKey, str]:
    """A label per row key where models are rows."""
    return row_labels(map(row_of, evaluations))


def row_labels(rows: Iterable[Row]) -> dict[RowKey, str]:
    """A label per row: `only`, or `only · structured · sample 1,000 seed 0` beside another of its name.

    Texts that are written in an unusual way are always named, so that rows of other formats never look alike.
    """
    by_name: dict[str, dict[RowKey, Settings]] = {}
    for row in rows:
        by_name.setdefault(row[0], {})[key_of(row)] = row[1]
    found: dict[RowKey, str] = {}
    for name, own in by_name.items():
        differing = _differing(list(own.values()))
        for key, settings in own.items():
            unusual = (each for each in settings if each not in differing and _unusual(each, settings[each]))
            found[key] = SEPARATOR.join([name, *_words(settings, [*differing, *unusual])])
    return found


def event_set(evaluation: Evaluation) -> tuple[Any, ...]:
    """What must agree before two means may be compared: dataset, split, sample and the number of candidates."""
    sample = tuple(evaluation.protocol.get(name) for name in _SAMPLE)
    return (evaluation.dataset, evaluation.split.value, sample, evaluation.candidates, evaluation.n)


def events_in_words(evaluation: Evaluation) -> str:
    """The events of an evaluation: `1,000 test events, sample seed 0`, `12,101 test events`."""
    words = f"{evaluation.n:,} {evaluation.split} events"
    if evaluation.protocol.get("sample"):
        words += f", sample seed {evaluation.protocol.get('sample_seed')}"
    return words


def newest_of_each(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """One evaluation per dataset, model and protocol: the newest, in the order of their first appearance."""
    found: dict[tuple[str, RowKey], Evaluation] = {}
    for evaluation in evaluations:
        found[evaluation.dataset, row_key(evaluation)] = evaluation
    return list(found.values())


def protocol(evaluation: Evaluation) -> str:
    """The protocol in one line, also where a stored one lacks what is usual."""
    try:
        return evaluation.protocol_text
    except KeyError:
        return "; ".join(f"{key} {value}" for key, value in evaluation.protocol.items())


def _unusual(name: str, value: Any) -> bool:
    return name in USUAL and bool(value) and value not in USUAL[name]


def _differing(settings: list[Settings]) -> list[str]:
    names = dict.fromkeys(name for one in settings for name in one)
    return [name for name in names if len({json.dumps(one.get(name)) for one in settings}) > 1]


def _words(settings: Settings, differing: list[str]) -> list[str]:
    words = []
    for name in differing:
        value = settings.get(name)
        if name == "sample":
            words.append(f"sample {value:,}" if isinstance(value, int) and value else "all events")
        elif name == "sample_seed":
            if settings.get("sample"):
                words.append(f"seed {value}")
        elif name in _IMPLIED:
            continue
        elif name in ("weights", "tokenizer"):
            words.append(f"{name} {str(value)[:6]}")
        elif name == "prompts":
            words.append("with prompts" if value else "without prompts")
        elif name in ("history", "item_text", "split", "candidates", "ties", "precision", *PLAIN):
            words.append(str(value or "–"))
        else:
            words.append(f"{name.replace('_', ' ')} {value}")
    return words
