"""A search before any work: checked, and stored with the trials that are to be made."""

from __future__ import annotations

from dataclasses import dataclass

from engine import __version__
from engine.tuning.request import SearchRequest, setting_words
from engine.tuning.searchable import Searched, searched
from store import datasets, searches
from store.arrays import settings_hash
from store.enums import Seen, Split, TrialState
from store.errors import BadInput
from store.rows import Search, Trial
from store.searches import TrialDraft
from store.workspace import Workspace


@dataclass(frozen=True)
class Plan:
    """A checked request: what it searches, and its trials."""

    request: SearchRequest
    what: Searched
    trials: tuple[TrialDraft, ...]


def plan(workspace: Workspace, request: SearchRequest) -> Plan:
    """The trials of a request, in their order; `BadInput` for all that is wrong with it and can be seen before any
    work: unknown names, values that are not allowed alone or together, a dataset without valid events."""
    what = searched(request)
    with workspace.read() as db:
        dataset = datasets.dataset(db, request.dataset)
    if not dataset.events.get(Split.VALID):
        raise BadInput(
            f"{dataset.name} has no valid events, so nothing can be chosen by them. "
            "Ingest it with other split boundaries, or leave it out of --datasets."
        )
    drafts: dict[str, TrialDraft] = {}
    for settings in request.combinations():
        name = what.check(workspace, setting_words(settings))
        if name in drafts:
            same = " and ".join(" ".join(setting_words(one)) for one in (drafts[name].settings, settings))
            raise BadInput(f"--try: {same} are the same model. Leave one out.")
        drafts[name] = TrialDraft(name, settings, what.seed)
    return Plan(request, what, tuple(drafts.values()))


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
    with workspace.read() as db:
        found = searches.trials(db, search)
    return [trial for trial in found if trial.state is not TrialState.DONE or not trial.result]
