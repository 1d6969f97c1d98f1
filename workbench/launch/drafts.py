"""What was filled in during this visit."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.launch.draft import Draft
from workbench.launch.kinds import KINDS
from workbench.launch.train import TrainDraft


@dataclass
class Drafts:
    """The newest draft of each kind; `last` is the one that was looked at last."""

    last: Draft = field(default_factory=TrainDraft)
    _by_kind: dict[str, Draft] = field(default_factory=dict)

    def of(self, kind: str) -> Draft:
        """The draft of a kind, an empty one where nothing was filled in yet."""
        return self._by_kind.get(kind) or KINDS[kind]()

    def keep(self, draft: Draft, *, started: bool = False) -> None:
        """Remember a draft until the workbench is left, without what must be chosen anew each time."""
        self._by_kind.pop(draft.KIND, None)  # the newest is the last
        self.last = self._by_kind[draft.KIND] = draft.kept(started=started)

    def newest(self, command: str) -> Draft | None:
        """The draft of this command's kinds that was looked at last."""
        own = [draft for kind, draft in self._by_kind.items() if kind.split()[0] == command]
        return own[-1] if own else None
