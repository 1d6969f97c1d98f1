"""A search from its request to its trials: checked and stored before any work, then made one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import monotonic

from engine import __version__
from engine.jobs.outcome import outcome_of
from engine.progress import Observer, Progress
from engine.protocol import EvaluationOptions
from engine.tuning.making import Making, making_of
from engine.tuning.request import SearchRequest, setting_words
from store import datasets, searches
from store.arrays import settings_hash
from store.errors import BadInput, Cancelled, Failed
from store.records import Search, Trial
from store.searches import TrialDraft
from store.words import Seen, Split, TrialState
from store.workspace import Workspace


@dataclass(frozen=True)
class Plan:
    """A checked request: how its trials are made, and which they are."""

    request: SearchRequest
    making: Making
    trials: tuple[TrialDraft, ...]


def plan(workspace: Workspace, request: SearchRequest) -> Plan:
    """The trials of a request, in their order; `BadInput` for all that is wrong with it and can be seen before any
    work: unknown names, values that are not allowed alone or together, a dataset without valid events."""
    making = making_of(request)
    with workspace.read() as db:
        dataset = datasets.dataset(db, request.dataset)
    if not dataset.events.get(Split.VALID):
        raise BadInput(
            f"{dataset.name} has no valid events, so nothing can be chosen by them. "
            "Ingest it with other split boundaries, or leave it out of --datasets."
        )
    drafts: dict[str, TrialDraft] = {}
    for settings in request.combinations():
        name = making.check(workspace, setting_words(settings))
        if name in drafts:
            same = " and ".join(" ".join(setting_words(one)) for one in (drafts[name].settings, settings))
            raise BadInput(f"--try: {same} are the same model. Leave one out.")
        drafts[name] = TrialDraft(name, settings, making.seed)
    return Plan(request, making, tuple(drafts.values()))


def store(workspace: Workspace, planned: Plan, metric: str, seen: Seen) -> Search:
    """The search of a plan, stored with its trials: the same one where the same was asked for before."""
    request = planned.request
    with workspace.write() as db:
        dataset = datasets.dataset(db, request.dataset)
        names = [trial.model for trial in planned.trials]
        return searches.put_search(
            db,
            key=settings_hash([dataset.name, dataset.fingerprint, request.sample, names]),
            model=request.model,
            dataset=dataset.name,
            request=request.document(),
            metric=metric,
            seen=seen,
            trials=planned.trials,
            code_version=__version__,
        )


def left(workspace: Workspace, search: Search) -> list[Trial]:
    """The trials of a search that are not done: those that wait, and those that failed."""
    return [trial for trial in _trials(workspace, search) if trial.state is not TrialState.DONE or not trial.result]


def run(
    workspace: Workspace, asked: Sequence[tuple[Search, Making]], observer: Observer, *, device: str = "auto"
) -> None:
    """Make the trials that are left of these searches, in order; one that fails is stored as failed, with its words.

    `Cancelled` where somebody asked to stop; `Failed` where every trial of these searches failed.
    """
    waiting = [(search, making, trial) for search, making in asked for trial in left(workspace, search)]
    counts = {search.id: len(_trials(workspace, search)) for search, _ in asked}
    for place, (search, making, trial) in enumerate(waiting):
        if observer.stop():
            raise Cancelled(f"Cancelled before trial {trial.number} of {counts[search.id]}. What is done is kept.")
        name = f"{search.model} on {search.dataset}, trial {trial.number} of {counts[search.id]}"
        progress = _TrialProgress(observer.progress, name, place, len(waiting))
        words = _make(workspace, search, making, trial, replace(observer, progress=progress), device)
        observer.tell("trial", f"{name}: {' '.join(setting_words(trial.settings))}: {words}")
    trials = [trial for search, _ in asked for trial in _trials(workspace, search)]
    failed = [trial for trial in trials if trial.state is TrialState.FAILED]
    if len(failed) == len(trials):
        raise Failed(f"All {len(trials)} trials failed. The last: {failed[-1].message}")
    lost = f", {len(failed)} failed" if failed else ""
    observer.tell("result", f"{len(trials) - len(failed)} of {len(trials)} trials done{lost}")


def _make(workspace: Workspace, search: Search, making: Making, trial: Trial, observer: Observer, device: str) -> str:
    """Make one trial and store what came of it; in words."""
    from engine.evaluation import evaluate

    started = monotonic()
    options = EvaluationOptions(split=Split.VALID, sample=search.request.get("sample", 0), device=device)
    try:
        trained = making.make(workspace, trial.model, setting_words(trial.settings), observer, device)
        evaluation = evaluate(workspace, trial.model, search.dataset, options, observer.progress)
    except Cancelled:
        raise
    except Exception as error:  # a trial may fail in any way: out of memory, without a loss, in code of others
        if observer.stop():  # then it is the job that cannot go on
            raise
        message = outcome_of(error).message
        with workspace.write() as db:
            searches.fail_trial(db, trial, message, monotonic() - started)
        return f"failed: {message}"
    with workspace.write() as db:
        searches.finish_trial(db, trial, evaluation, trained + evaluation.seconds)
    (result,) = (each.result for each in _trials(workspace, search) if each.number == trial.number)
    assert result is not None
    return (
        f"{search.metric} {result.mean:.4f} ({result.low:.4f}–{result.high:.4f}, {result.n:,} valid events), "
        f"{trained + evaluation.seconds:.1f} s"
    )


def _trials(workspace: Workspace, search: Search) -> list[Trial]:
    with workspace.read() as db:
        return searches.trials(db, search)


class _TrialProgress:
    """The progress of one trial as that of the whole: trials done of all that are to be made."""

    def __init__(self, progress: Progress, name: str, done: int, total: int) -> None:
        self._progress, self._name, self._done, self._total = progress, name, done, total

    def __call__(self, stage: str, done: int, total: int) -> None:
        share = f" {100 * done // total} %" if total else ""
        self._progress(f"{self._name}: {stage}{share}", self._done, self._total)
