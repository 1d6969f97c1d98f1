"""All experiments as one document."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from store.errors import BadInput
from store.experiments import experiments
from store.workspace import Workspace
from workbench.launch.field import folder, marks
from workbench.launch.job_form import JobForm, expanded_path, option

FORMATS = ("html", "md", "latex", "csv")


@dataclass(frozen=True)
class ReportForm(JobForm):
    """`st5 report`."""

    KIND: ClassVar[str] = "report"
    SUMMARY: ClassVar[str] = "all experiments as one document"

    out: str = folder("folder", "where the report goes; made where needed", "report")
    formats: tuple[str, ...] = marks("formats", FORMATS, marked=FORMATS)
    experiments: tuple[str, ...] = marks("only", offered="requested_experiments")

    def options(self) -> list[str]:
        return [
            *option("--out", expanded_path(self.out)),
            *option("--format", ",".join(self.formats), ",".join(FORMATS)),
            *option("--experiments", ",".join(self.experiments)),
        ]

    def check(self, workspace: Workspace) -> None:
        from engine.report.writing import check_folder

        if not self.out:
            raise BadInput("Name the folder that the report is written into.")
        check_folder(Path(expanded_path(self.out)))
        if not self.formats:
            raise BadInput("Choose at least one format (Space marks it).")
        requested_experiments = []
        if workspace.exists():
            with workspace.read() as db:
                requested_experiments = experiments(db)
        if not requested_experiments:
            raise BadInput("No experiment was asked for here yet, so there is nothing to report: start one first.")
