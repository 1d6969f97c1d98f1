"""Whether a dataset's order can be trusted, in words: each figure of the audit beside its threshold and its reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from store.enums import Ties
from store.rows import Dataset

# A share of targets that the policy and not the data chose moves a metric by up to that share of it: a tenth is what
# good models differ by.
MOST_TIED = 0.10
# Half of neighbours rise by chance. Keys that are given out over time rise with it, by a few points: up to 58 % among
# neighbours whose times differ (measured on the datasets of docs/protocol.md).
FURTHEST_FROM_HALF = 0.10
# Candidates that could not have been chosen are beaten for nothing; up to a tenth of them, a model that cannot tell
# gains less than a tenth.
MOST_UNBORN = 0.10
_SPANS = (("year", 365.25 * 86_400_000), ("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("s", 1000))


@dataclass(frozen=True)
class Finding:
    """One figure: what it is about, what was found, and why that fails; `fails` is empty where it does not."""

    about: str
    found: str
    fails: str = ""


def findings(dataset: Dataset) -> list[Finding]:
    """All figures of a dataset's order; none where it was ingested before the audit was there."""
    figures = dataset.audit.get("order")
    if not isinstance(figures, dict):
        return []
    return _timed(dataset, figures) if figures["timed"] else _untimed(figures)


def failures(dataset: Dataset) -> list[Finding]:
    """The findings that make numbers of this dataset suspect."""
    return [one for one in findings(dataset) if one.fails]


def verdict(dataset: Dataset) -> str:
    """One line: that the order passes, what fails, or that it was never looked at."""
    if not findings(dataset):
        return "order: not audited; ingest it again to see how many events share a time"
    failed = failures(dataset)
    if failed:
        return f"order: {'; '.join(one.fails for one in failed)}"
    figures = dataset.audit["order"]
    if not figures["timed"]:
        return f"order: passes; positions only, {_share_of(figures['rising_other'])} of neighbours have rising keys"
    return f"order: passes; {_percent(figures['tied'], figures['neighbours'])} of neighbouring events share a time"


def document(dataset: Dataset) -> dict[str, Any]:
    """The verdict and the findings as JSON."""
    return {"verdict": verdict(dataset), "passes": _passes(dataset), "findings": [asdict(f) for f in findings(dataset)]}


def same_time_words(dataset: Dataset) -> str:
    """What decides between events of one time, for people."""
    if not dataset.timed:
        return "file: positions give the order"
    if dataset.arrangement:
        return f"{dataset.arrangement}: made by st5 ingest arrangements"
    return {
        Ties.SHUFFLE: f"shuffle: by a hash of user key, item key and seed {dataset.tie_seed}",
        Ties.STRICT: f"strict: as shuffle (seed {dataset.tie_seed}), and valid and test histories end before "
        "the target's time",
        Ties.FILE: "file: the order of the rows",
    }[dataset.ties]


def _passes(dataset: Dataset) -> bool | None:
    return not failures(dataset) if findings(dataset) else None


def _timed(dataset: Dataset, figures: dict[str, Any]) -> list[Finding]:
    by_file, strict = dataset.ties is Ties.FILE, dataset.ties is Ties.STRICT
    tied = figures["tied"]
    span = figures["median_span_ms"]
    found = [
        Finding("times", f"cut to the {figures['resolution']}" + ("" if span is None else f"; {_span(span)}")),
        Finding(
            "same time",
            f"{_of(tied, figures['neighbours'])} neighbouring events share a time; the largest block has "
            f"{figures['largest_block']:,}",
        ),
        _targets(figures, strict=strict),
        _one_block(figures, strict=strict),
    ]
    if tied:
        found.append(_tied_keys(figures["rising_tied"], by_file=by_file))
    found.append(Finding("keys beside it", f"{_rise(figures['rising_other'])} neighbours of other times"))
    if figures["unborn"] is not None:
        share = figures["unborn"]
        fails = f"{share:.0%} of the catalogue came after the median test event" if share > MOST_UNBORN else ""
        found.append(Finding("came later", f"{share:.1%} of the catalogue, median over test events", fails))
    return found


def _targets(figures: dict[str, Any], *, strict: bool) -> Finding:
    parts, fails = [], ""
    for split, targets in figures["targets"].items():
        tied = figures["tied_targets"][split]
        parts.append(f"{_of(tied, targets)} {split} targets")
        if targets and tied / targets > MOST_TIED and not strict:
            fails = f"{tied / targets:.0%} of {split} targets share their time with the event before"
    words = f"{' and '.join(parts)} share their time with the event before"
    return Finding("tied targets", words + ("; their histories end before it" if strict else ""), fails)


def _one_block(figures: dict[str, Any], *, strict: bool) -> Finding:
    whole, users = figures["one_block_users"], figures["users"]
    fails = ""
    if users and whole / users > MOST_TIED and not strict:
        fails = f"{whole / users:.0%} of users have all their events at one time"
    return Finding("one block", f"{_of(whole, users)} users of two events and more have all of them at one time", fails)


def _tied_keys(rising: dict[str, Any], *, by_file: bool) -> Finding:
    sorted_by_key = rising["rising"] in (0, rising["n"]) and rising["n"] > 1
    if sorted_by_key:
        falling = "" if rising["rising"] else "falling "
        words = f"ties are stored in {falling}key order: {rising['n']:,} of {rising['n']:,}"
    else:
        words = f"{_rise(rising)} tied neighbours, as the file stores them"
    if not _far_from_half(rising):
        return Finding("keys of ties", words)
    fails = words if by_file else ""
    return Finding("keys of ties", words if by_file else f"{words}; --ties took that order away", fails)


def _untimed(figures: dict[str, Any]) -> list[Finding]:
    rising = figures["rising_other"]
    fails = ""
    if _far_from_half(rising):
        share = rising["rising"] / rising["n"]
        fails = f"{share:.0%} of neighbours rise: numbers of models that learn order from keys are suspect"
    found = [
        Finding("same time", "unknown: positions only, so an order made up for events of one time cannot be seen"),
        Finding("keys", f"{_rise(rising)} neighbours", fails),
    ]
    if figures["tied"]:
        words = f"{_of(figures['tied'], figures['neighbours'])} neighbours have one position"
        found.append(Finding("tied positions", words, f"{figures['tied']:,} events have a position twice"))
    if figures.get("position_gaps"):
        skipped = _of(figures["position_gaps"], figures["neighbours"])
        found.append(Finding("gaps", f"{skipped} neighbours skip positions"))
    return found


def _far_from_half(rising: dict[str, Any]) -> bool:
    """Whether the whole interval of the share lies further from one half than chance and growing catalogues explain."""
    low, high = 0.5 - FURTHEST_FROM_HALF, 0.5 + FURTHEST_FROM_HALF
    return bool(rising["low"] > high or rising["high"] < low)


def _rise(rising: dict[str, Any]) -> str:
    interval = f" [{rising['low']:.1%}, {rising['high']:.1%}]" if rising["n"] else ""
    return f"keys rise in {rising['rising']:,} of {rising['n']:,} ({_share_of(rising)}{interval})"


def _share_of(rising: dict[str, Any]) -> str:
    return _percent(rising["rising"], rising["n"])


def _of(count: int, total: int) -> str:
    return f"{count:,} of {total:,} ({_percent(count, total)})"


def _percent(count: int, total: int) -> str:
    return f"{count / total:.1%}" if total else "–"


def _span(milliseconds: int) -> str:
    for name, unit in _SPANS:
        if milliseconds >= unit:
            size = milliseconds / unit
            return f"the median user spans {size:.1f} {name}{'' if name == 's' else 's'}"
    return f"the median user spans {milliseconds} ms"
