"""Embeddings laid out as a map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from store.workspace import Workspace
from workbench.launch.evaluate import HISTORIES, ITEM_TEXTS, TRAINED
from workbench.launch.field import choice, lines, marks, text
from workbench.launch.job_form import (
    DEVICE_HINT,
    MOST,
    SETTINGS_HINT,
    FormHints,
    JobForm,
    need_datasets,
    option,
    seed_of,
    settings,
    whole,
)  # fmt: skip
from workbench.ui.numbers import counted

if TYPE_CHECKING:
    from engine.projection.request import Plan

ONLY = "only"
KINDS = (("items", "each item of the catalogue"), ("users", "the newest history known of each"))
METHODS = (("tsne", "t-SNE"), ("umap", "UMAP"))


@dataclass(frozen=True)
class ProjectForm(JobForm):
    """`st5 project`."""

    KIND: ClassVar[str] = "project"
    SUMMARY: ClassVar[str] = "a map of items or users"

    model: str = choice("model", ONLY, offered="text_models")
    datasets: tuple[str, ...] = marks("datasets", offered="datasets")
    kind: str = choice("points", "items", KINDS)
    method: str = choice("method", "tsne", METHODS)
    sample: str = text("sample", "2,000 of each dataset")
    seed: str = text("seed", "0")
    settings: tuple[str, ...] = lines("--set", SETTINGS_HINT)
    history: str = choice("history", TRAINED, HISTORIES)
    item_text: str = choice("item text", TRAINED, ITEM_TEXTS)
    device: str = text("device", DEVICE_HINT)

    def shows(self, name: str) -> bool:
        return name != "history" or self.kind == "users"

    def options(self) -> list[str]:
        return [
            self.model,
            *option("--datasets", ",".join(self.datasets)),
            *("--kind", self.kind, "--method", self.method),
            *option("--sample", self.sample),
            *option("--seed", self.seed),
            *settings(self.settings),
            *(option("--history", self.history, TRAINED) if self.shows("history") else []),
            *option("--item-text", self.item_text, TRAINED),
            *option("--device", self.device),
        ]

    def check(self, workspace: Workspace) -> None:
        need_datasets(workspace, self.datasets, "draw")
        self._plan(workspace)

    def hints(self, workspace: Workspace) -> FormHints:
        return (
            FormHints({"kind": counted(sum(self._plan(workspace).counts), "point")}) if self.datasets else FormHints()
        )

    def _plan(self, workspace: Workspace) -> Plan:
        from engine.projection.method import Method, PointKind
        from engine.projection.request import ProjectionRequest, plan

        request = ProjectionRequest(
            self.model,
            self.datasets,
            PointKind(self.kind),
            Method(self.method),
            whole("sample", self.sample, 0, MOST),
            seed_of(self.seed),
            self.settings,
        )
        return plan(workspace, request)
