"""Names for evaluations in a view: the model's, and what tells its protocols apart where there are several."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from store.records import Evaluation

RowKey = tuple[str, str]
_IMPLIED = ("structured",)  # said by the history format already
_SAMPLE = ("sample", "sample_seed")


def row_key(evaluation: Evaluation) -> RowKey:
    """What puts evaluations of several datasets into one row: the model and how it was measured."""
    protocol = json.dumps(evaluation.protocol, sort_keys=True, ensure_ascii=False)
    return evaluation.model, f"{evaluation.split} {protocol}"


def labels(evaluations: Iterable[Evaluation]) -> dict[RowKey, str]:
    """A label per row key: `only`, or `only · structured · sample 1,000 seed 0` beside another of its protocols."""
    rows: dict[str, dict[RowKey, Evaluation]] = {}
    for evaluation in evaluations:
        rows.setdefault(evaluation.model, {})[row_key(evaluation)] = evaluation
    found: dict[RowKey, str] = {}
    for model, own in rows.items():
        differing = _differing([_settings(evaluation) for evaluation in own.values()])
        for key, evaluation in own.items():
            found[key] = " · ".join([model, *_words(_settings(evaluation), differing)])
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


def _settings(evaluation: Evaluation) -> dict[str, Any]:
    return {"split": evaluation.split.value, **evaluation.protocol}


def _differing(settings: list[dict[str, Any]]) -> list[str]:
    names = dict.fromkeys(name for one in settings for name in one)
    return [name for name in names if len({json.dumps(one.get(name)) for one in settings}) > 1]


def _words(settings: dict[str, Any], differing: list[str]) -> list[str]:
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
        elif name in ("history", "item_text", "split", "candidates", "ties", "precision"):
            words.append(str(value or "–"))
        else:
            words.append(f"{name.replace('_', ' ')} {value}")
    return words
