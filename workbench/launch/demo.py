"""The whole way once, on embedded data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from store.workspace import Workspace
from workbench.launch.job_form import JobForm


@dataclass(frozen=True)
class DemoForm(JobForm):
    """`st5 demo`: nothing to fill in."""

    KIND: ClassVar[str] = "demo"
    SUMMARY: ClassVar[str] = "films and a made-up shop: models, results, maps"

    def options(self) -> list[str]:
        return []

    def check(self, workspace: Workspace) -> None:
        """Whether the embedded data are installed is said by the job: to look for them loads what reads them."""
