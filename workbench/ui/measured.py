"""Areas whose numbers depend on what is measured: they share one choice, and the keys that change it."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import ScreenResume

from store.enums import Seen, Slice
from workbench.ui.area import AreaScreen
from workbench.ui.choice import Choice, ChoiceDialog
from workbench.ui.settings_line import Setting
from workbench.ui.ui_state import CUTOFFS, FAMILIES, ResultsChoice

SLICES = {
    Slice.ALL: "all events together",
    Slice.DOMAIN: "the dataset's product category",
    Slice.CATEGORY: "the target's own categories",
    Slice.HISTORY_LENGTH: "items before the target",
    Slice.VISIBLE_LENGTH: "items of the history that the model read",
    Slice.TARGET: "target met in training, or not",
    Slice.USER: "user met in training, or not",
    Slice.DUPLICATE_TEXT: "another item has the target's title, or not",
}


class LayerScreen(AreaScreen):
    """A view over Results: Esc leaves it, and so does a dataset that is chosen elsewhere meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self._opened_for: str | None = None

    def on_screen_resume(self, event: ScreenResume) -> None:
        if self._opened_for is None:
            self._opened_for = self.ui_state.results.dataset
        elif self._opened_for != self.ui_state.results.dataset:
            self.dismiss()

    def action_back(self) -> None:
        if self.maximized is not None:
            self.minimize()
        else:
            self.dismiss()


class WeighedScreen(AreaScreen):
    """Which items are candidates, and what weighs the same in a mean. `changed` is called when either changes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "seen", "Seen", id="measured.seen", show=False,
                tooltip="Mask items of the history, or keep them among the candidates"),
        Binding("u", "mean", "Mean", id="measured.mean", show=False,
                tooltip="Every event weighs the same, or every user does"),
    ]  # fmt: skip

    @property
    def choice(self) -> ResultsChoice:
        return self.ui_state.results

    def changed(self) -> None:
        """The choice changed: remember it and read again."""
        self.bench.remember()
        self.reload()

    def weighing(self) -> list[Setting]:
        """The seen rule and the mean, for the settings line."""
        return [
            Setting("x", "seen items", "masked" if self.choice.seen == Seen.MASK else "kept", "seen"),
            Setting("u", "mean over", "users" if self.choice.user_mean else "events", "mean"),
        ]

    def action_seen(self) -> None:
        self.choice.seen = (Seen.KEEP if self.choice.seen == Seen.MASK else Seen.MASK).value
        self.changed()

    def action_mean(self) -> None:
        self.choice.user_mean = not self.choice.user_mean
        self.changed()


class MeasuredScreen(WeighedScreen):
    """Also which metric, at which K, over which slice of the events."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "slice", "Slice", id="measured.slice", show=False,
                tooltip="Choose what divides the events"),
        Binding("m", "metric", "Metric", id="measured.metric", show=False, tooltip="HR, NDCG, MRR in turn"),
        Binding("plus,equals_sign", "cutoff(1)", "Larger K", id="measured.larger", show=False,
                tooltip="The next larger K"),
        Binding("minus", "cutoff(-1)", "Smaller K", id="measured.smaller", show=False, tooltip="The next smaller K"),
    ]  # fmt: skip

    def measuring(self, columns: str = "") -> list[Setting]:
        """All of it, for the settings line; `columns`: what is shown instead of a slice."""
        choice = self.choice
        return [
            Setting("v", "by", columns or (choice.slice if choice.slice != Slice.ALL else "–"), "slice"),
            Setting("m", "metric", choice.metric.upper(), "metric"),
            Setting("+ -", "K", "–" if choice.family == "mrr" else str(choice.cutoff), "cutoff(1)"),
            *self.weighing(),
        ]

    def action_slice(self) -> None:
        choices = [Choice(name.value, name.value, remark) for name, remark in SLICES.items()]
        self.app.push_screen(ChoiceDialog("Divide events by", choices, self.choice.slice), self._set_slice)

    def action_metric(self) -> None:
        self.choice.family = FAMILIES[(FAMILIES.index(self.choice.family) + 1) % len(FAMILIES)]
        self.changed()

    def action_cutoff(self, step: int) -> None:
        if self.choice.family == "mrr":
            self.notify("MRR has no K: it reads every rank.")
            return
        place = min(max(CUTOFFS.index(self.choice.cutoff) + step, 0), len(CUTOFFS) - 1)
        self.choice.cutoff = CUTOFFS[place]
        self.changed()

    def _set_slice(self, chosen: str | None) -> None:
        if chosen is not None:
            self.choice.slice = chosen
            self.changed()
