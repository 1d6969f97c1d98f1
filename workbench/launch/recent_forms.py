"""What was filled in during this visit."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.launch.job_form import JobForm
from workbench.launch.registry import KINDS
from workbench.launch.train import TrainForm


@dataclass
class RecentForms:
    """The newest form of each kind; `last` is the one that was looked at last."""

    last: JobForm = field(default_factory=TrainForm)
    _by_kind: dict[str, JobForm] = field(default_factory=dict)

    def of(self, kind: str) -> JobForm:
        """The form of a kind, an empty one where nothing was filled in yet."""
        return self._by_kind.get(kind) or KINDS[kind]()

    def keep(self, job_form: JobForm, *, started: bool = False) -> None:
        """Remember a form until the workbench is left, without what must be chosen anew each time."""
        self._by_kind.pop(job_form.KIND, None)  # the newest is the last
        self.last = self._by_kind[job_form.KIND] = job_form.kept(started=started)

    def newest(self, command: str) -> JobForm | None:
        """The form of this command's kinds that was looked at last."""
        own = [job_form for kind, job_form in self._by_kind.items() if kind.split()[0] == command]
        return own[-1] if own else None
