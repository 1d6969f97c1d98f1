"""The trials of searches, made one after another: trained where there is something to train, evaluated, stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import monotonic

from engine.baselines.request import BaselineRequest
from engine.evaluation import evaluate
from engine.jobs.outcome import outcome_of
from engine.models import make_baseline
from engine.progress import Observer, Progress
from engine.protocol import EvaluationOptions
from engine.registry import spec_of
from engine.training.request import TrainRequest
from engine.tuning.plan import left
from engine.tuning.request import setting_words
from engine.tuning.searchable import Searched
from store import searches
from store.enums import Split, TrialState
from store.errors import Cancelled, Failed
from store.rows import Search, Trial
from store.workspace import Workspace


def run(
    workspace: Workspace, searches: Sequence[tuple[Search, Searched]], observer: Observer, *, device: str = "auto"
) -> None:
    """Make the trials that are left of these searches, in order; one that fails is stored as failed, with its words.

    `Cancelled` where it was told to stop; `Failed` where every trial of these searches failed, or a dataset was
    replaced or removed meanwhile, and its search with it.
    """
    waiting = [(search, what, trial) for search, what in searches for trial in left(workspace, search)]
    counts = {search.id: len(_trials(workspace, search)) for search, _ in searches}
    for place, (search, what, trial) in enumerate(waiting):
        if observer.stop():
            raise Cancelled(f"Cancelled before trial {trial.number} of {counts[search.id]}. What is done is kept.")
        name = f"{search.model} on {search.dataset}, trial {trial.number} of {counts[search.id]}"
        progress = _TrialProgress(observer.progress, name, place, len(waiting))
        words = _make(workspace, search, what, trial, replace(observer, progress=progress), device)
        observer.tell("trial", f"{name}: {' '.join(setting_words(trial.settings))}: {words}")
    observer.progress("every trial was made", len(waiting), len(waiting))
    trials = [trial for search, _ in searches for trial in _trials(workspace, search)]
    failed = [trial for trial in trials if trial.state is TrialState.FAILED]
    if len(failed) == len(trials):
        raise Failed(f"All {len(trials)} trials failed. The last: {failed[-1].message}")
    lost = f", {len(failed)} failed" if failed else ""
    observer.tell("result", f"{len(trials) - len(failed)} of {len(trials)} trials done{lost}")


def _make(workspace: Workspace, search: Search, what: Searched, trial: Trial, observer: Observer, device: str) -> str:
    """Make one trial and store what came of it; in words."""
    started = monotonic()
    options = EvaluationOptions(split=Split.VALID, sample=search.request.get("sample", 0), device=device)
    try:
        trained = _train(
            workspace, search, what.training_request(trial.model, setting_words(trial.settings)), observer, device
        )
        evaluation = evaluate(workspace, trial.model, search.dataset, options, observer.progress)
    except Cancelled:
        raise
    except Exception as error:  # a trial may fail in any way: out of memory, without a loss, in code of others
        if observer.stop():  # then it is the job that cannot go on
            raise
        message = outcome_of(error).message
        with workspace.write() as db:
            searches.fail_trial(db, trial, message, monotonic() - started)
        _trials(workspace, search)
        return f"failed: {message}"
    with workspace.write() as db:
        searches.finish_trial(db, trial, evaluation, trained + evaluation.seconds)
    (result,) = (each.result for each in _trials(workspace, search) if each.number == trial.number)
    assert result is not None
    return (
        f"{search.metric} {result.mean:.4f} ({result.low:.4f}–{result.high:.4f}, {result.n:,} valid events), "
        f"{trained + evaluation.seconds:.1f} s"
    )


def _train(
    workspace: Workspace, search: Search, request: BaselineRequest | TrainRequest, observer: Observer, device: str
) -> float:
    """Make the model of a trial, or find it; the seconds that its training took."""
    if isinstance(request, TrainRequest):
        from engine.training.variant import train

        model = train(workspace, replace(request, device=device), observer)
        return sum(phase["seconds"] for phase in model.lineage)
    model = make_baseline(workspace, request)
    if not spec_of(model).trained:
        return 0.0
    from engine.baselines.trained import train_baseline

    return train_baseline(workspace, model, search.dataset, observer, device=device).seconds


def _trials(workspace: Workspace, search: Search) -> list[Trial]:
    """All trials of a search; `Failed` where it is gone."""
    with workspace.read() as db:
        found = searches.trials(db, search)
    if not found:
        raise Failed(
            f"{search.dataset} was replaced or removed while {search.model} was searched on it, and the search went "
            "with it. `st5 datasets` shows what there is now. Then run the same command again."
        )
    return found


class _TrialProgress:
    """The progress of one trial as that of the whole: trials done of all that are to be made."""

    def __init__(self, progress: Progress, name: str, done: int, total: int) -> None:
        self._progress, self._name, self._done, self._total = progress, name, done, total

    def __call__(self, stage: str, done: int, total: int) -> None:
        share = f" {100 * done // total} %" if total else ""
        self._progress(f"{self._name}: {stage}{share}", self._done, self._total)
