"""What of a workspace is worth a picture: a dataset, two models on it, a training, an experiment, maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count

from engine.tables.labels import RowKey, event_set, newest_of_each, row_key
from store import datasets as dataset_store
from store import evaluations as evaluation_store
from store import jobs as job_store
from store import models as model_store
from store import projections as projection_store
from store.enums import JobState
from store.rows import Evaluation, Job, Model, Projection
from store.workspace import Workspace
from workbench.results.experiment_view import read_experiment
from workbench.ui.ui_state import ResultsChoice

EXPERIMENTS = ("main", "variants", "text-format", "history-length", "statistics")  # the likeliest first
UNTRAINED = "only"  # what a trained model is compared with, where it is there


class Missing(Exception):
    """A workspace does not hold what a picture is of. Says what, and the command that makes it."""


@dataclass(frozen=True)
class Subject:
    """The workspace that is drawn; `dataset` and `models` narrow the choice where they are given."""

    workspace: Workspace
    dataset: str = ""
    models: tuple[str, ...] = ()

    def pair(self) -> tuple[Evaluation, Evaluation]:
        """Two evaluations of the same events, a trained text model's first; of the dataset with the most."""
        with self.workspace.read() as db:
            found = newest_of_each(evaluation_store.evaluations(db))
            known = {model.name: model for model in model_store.models(db)}
            items = {dataset.name: dataset.items for dataset in dataset_store.datasets(db)}
        of = {name: [e for e in found if e.dataset == name] for name in items if self.dataset in ("", name)}
        pairs = [
            pair for own in of.values() for pair in self._pairs(own, known) if event_set(pair[0]) == event_set(pair[1])
        ]
        if pairs:
            return min(pairs, key=lambda p: (*self._rank(p, known), -len(of[p[0].dataset]), items[p[0].dataset]))
        wanted = " and ".join(self.models) or "a text model and another"
        raise Missing(f"no dataset on which {wanted} are evaluated: st5 evaluate only pop --datasets NAME")

    def third(self) -> Evaluation:
        """Another evaluation of the events of the two."""
        first, other = self.pair()
        with self.workspace.read() as db:
            found = newest_of_each(evaluation_store.evaluations(db, dataset=first.dataset))
        others = [e for e in found if e.key not in (first.key, other.key) and event_set(e) == event_set(first)]
        if not others:
            raise Missing(f"no third evaluation beside the two: st5 evaluate bm25 --datasets {first.dataset}")
        return others[-1]

    def trainings(self, wanted: int) -> list[Job]:
        """Trainings with curves: those of the most phases first, and the newest of them that came to their end."""
        with self.workspace.read() as db:
            found = [job for job in job_store.jobs(db) if job.kind == "train"]
            phases = {job.id: len({series.phase for series in job_store.series(db, job.id)}) for job in found}
        drawn = [job for job in found if phases[job.id]]
        if len(drawn) < wanted:
            which = "no training with a curve" if not drawn else "no second training with a curve"
            raise Missing(f"{which}: st5 train nopre --datasets NAME --recipe demo")
        drawn.sort(key=lambda job: (job.state is JobState.SUCCEEDED, phases[job.id], job.id), reverse=True)
        return drawn[:wanted]

    def free_name(self, name: str) -> str:
        """The name of a model that is not there yet: `final`, else `final-2` and so on."""
        with self.workspace.read() as db:
            taken = {model.name for model in model_store.models(db)}
        return next(one for one in chain([name], (f"{name}-{n}" for n in count(2))) if one not in taken)

    def experiment(self) -> str:
        """An experiment that has something to show."""
        for name in EXPERIMENTS:
            view = read_experiment(self.workspace, ResultsChoice(experiment=name))
            if view is not None and any(one.name == name and one.requested for one in view.offered) and view.pages:
                return name
        raise Missing("no experiment was asked for: st5 experiment statistics")

    def maps(self, wanted: int) -> list[Projection]:
        """The newest maps, all of one kind: of another model or method beside the first where there is one."""
        with self.workspace.read() as db:
            found = projection_store.projections(db)[::-1]
        first = found[:1]
        beside = [p for p in found[1:] if p.kind == found[0].kind and list(p.datasets) == list(found[0].datasets)]
        beside.sort(key=lambda p: (p.model == found[0].model, p.method != found[0].method))
        if len(first + beside) < wanted:
            raise Missing(
                f"{'no map' if not found else 'no second map of the same datasets'}: "
                "st5 project only --datasets NAME --kind items --method tsne"
            )
        return (first + beside)[:wanted]

    def _pairs(self, of_one: list[Evaluation], known: dict[str, Model]) -> Iterator[tuple[Evaluation, Evaluation]]:
        for first in of_one:
            for other in of_one:
                if self.models:
                    if (first.model, other.model) == self.models:
                        yield first, other
                elif first.model != other.model and known[first.model].kind == "text":
                    yield first, other

    def _rank(self, pair: tuple[Evaluation, Evaluation], known: dict[str, Model]) -> tuple[bool, bool]:
        return not known[pair[0].model].lineage, pair[1].model != UNTRAINED


def row_in(table: Sequence[RowKey], evaluation: Evaluation) -> int:
    """Where an evaluation stands in the table of Results; a row may hold what was sampled of other datasets too."""
    own = row_key(evaluation)
    return table.index(own) if own in table else [name for name, _ in table].index(evaluation.model)
