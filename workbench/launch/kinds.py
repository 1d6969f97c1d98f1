"""All that can be started, in the order in which it is asked for."""

from __future__ import annotations

from workbench.launch.baseline import BaselineDraft
from workbench.launch.demo import DemoDraft
from workbench.launch.draft import Draft
from workbench.launch.evaluate import EvaluateDraft
from workbench.launch.experiment import ExperimentDraft
from workbench.launch.ingest import AmazonDraft, MovielensDraft, SyntheticDraft, TableDraft, YelpDraft
from workbench.launch.project import ProjectDraft
from workbench.launch.rate import RateDraft
from workbench.launch.report import ReportDraft
from workbench.launch.train import TrainDraft
from workbench.launch.tune import TuneDraft

KINDS: dict[str, type[Draft]] = {
    kind.KIND: kind
    for kind in (
        TrainDraft, EvaluateDraft, BaselineDraft, TuneDraft, RateDraft, ProjectDraft, ExperimentDraft, ReportDraft,
        MovielensDraft, AmazonDraft, YelpDraft, TableDraft, SyntheticDraft, DemoDraft,
    )
}  # fmt: skip
