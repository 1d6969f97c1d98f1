"""All that can be started, in the order in which it is asked for."""

from __future__ import annotations

from workbench.launch.baseline import BaselineForm
from workbench.launch.demo import DemoForm
from workbench.launch.evaluate import EvaluateForm
from workbench.launch.experiment import ExperimentForm
from workbench.launch.ingest import AmazonForm, MovielensForm, SyntheticForm, TableForm, YelpForm
from workbench.launch.job_form import JobForm
from workbench.launch.project import ProjectForm
from workbench.launch.rate import RateForm
from workbench.launch.report import ReportForm
from workbench.launch.train import TrainForm
from workbench.launch.tune import TuneForm

KINDS: dict[str, type[JobForm]] = {
    kind.KIND: kind
    for kind in (
        TrainForm, EvaluateForm, BaselineForm, TuneForm, RateForm, ProjectForm, ExperimentForm, ReportForm,
        MovielensForm, AmazonForm, YelpForm, TableForm, SyntheticForm, DemoForm,
    )
}  # fmt: skip
