"""A history that is edited, beside what a model recommends for it as it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.widgets import DataTable, Static

from store import datasets as dataset_store
from store.rows import Evaluation, Item
from workbench.ui import numbers
from workbench.ui.area import AreaScreen
from workbench.ui.choice import Choice, ChoiceDialog
from workbench.ui.display import whole
from workbench.ui.item import ItemDialog
from workbench.ui.settings_line import Setting, SettingsLine
from workbench.ui.ui_state import TOP_CHOICES
from workbench.users.add_item import AddItemDialog, Addition
from workbench.users.edited_panel import EditedPanel
from workbench.users.history_draft import HistoryDraft
from workbench.users.inference_process import Died, ready_words, stage_words
from workbench.users.ranked_again import ranked_again
from workbench.users.ranking_panel import RankingPanel
from workbench.users.user_event import UserEventView
from workbench.users.why import WhyDialog

if TYPE_CHECKING:
    from engine.inference.messages import Answer, Ranking

REST_S = 0.15  # after the last change, so that holding a key down asks once
TOP = max(TOP_CHOICES)  # asked for, also where fewer are shown: items may come from further down


class EditHistoryScreen(AreaScreen):
    """Opened over Users for the event shown there; nothing that is done here is stored."""

    AREA = "users"
    HELP_TITLE = "Edit a history"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d,delete", "drop", "Drop", id="edit.drop", tooltip="Take the entry under the cursor out"),
        Binding("a", "add", "Add", id="edit.add", tooltip="Add an item or words after the entry under the cursor"),
        Binding("u", "undo", "Undo", id="edit.undo", tooltip="As it was before the last change"),
        Binding("w", "why", "Why", id="edit.why",
                tooltip="How much each entry of the history adds to the score of the recommended item"),
        Binding("J,alt+down", "move(1)", "Later", id="edit.later", show=False, tooltip="Move the entry towards now"),
        Binding("K,alt+up", "move(-1)", "Earlier", id="edit.earlier", show=False,
                tooltip="Move the entry towards the beginning"),
        Binding("r", "reset", "Reset", id="edit.reset", show=False, tooltip="The history as it is stored"),
        Binding("m", "model", "Model", id="edit.model", show=False, tooltip="Choose the evaluation whose model ranks"),
        Binding("b", "against", "Against", id="edit.against", show=False,
                tooltip="Changes of place against the ranking before, or against that of the stored history"),
        Binding("x", "seen", "Seen", id="edit.seen", show=False,
                tooltip="Mask items of the history, or keep them among the candidates"),
        Binding("plus,equals_sign", "top(1)", "More items", id="edit.more", show=False, tooltip="The top 50"),
        Binding("minus", "top(-1)", "Fewer items", id="edit.fewer", show=False, tooltip="The top 10"),
        Binding("enter", "item", "Item text", id="edit.item", show=False,
                tooltip="Everything stored about the item under the cursor"),
    ]  # fmt: skip

    class Answered(Message):
        """The inference process answered."""

        def __init__(self, answer: Answer | Died) -> None:
            super().__init__()
            self.answer = answer

    class Titled(Message):
        """The items of a ranking were read."""

        def __init__(self, ranking: Ranking, items: dict[int, Item]) -> None:
            super().__init__()
            self.ranking, self.items = ranking, items

    def __init__(
        self,
        user_event: UserEventView,
        evaluations: Sequence[tuple[Evaluation, str]],
        evaluation: Evaluation,
        *,
        masked: bool,
        top: int,
    ) -> None:
        """evaluations: those of the dataset, with their labels; `evaluation` is the one to begin with."""
        super().__init__()
        self.history_draft = HistoryDraft.of(
            tuple(history_row.item for history_row in user_event.history), user_event.older
        )
        self._user_event, self._evaluations, self._evaluation = user_event, tuple(evaluations), evaluation
        self._masked, self._top = masked, top
        self._against_stored = False
        self._items: dict[int, Item] = {}
        self._request_number = 0  # the number of the newest question
        self._requested_history: tuple[int | str, ...] = ()
        self._stored: Ranking | None = None
        self._before: Ranking | None = None
        self._now: Ranking | None = None
        self._ready = False  # whether the model is warm, as far as is known

    def body(self) -> ComposeResult:
        yield SettingsLine(id="edit-settings")
        yield Static(id="edit-state", markup=False)
        with Container(id="edit"):
            yield EditedPanel(id="edit-past")
            yield RankingPanel(id="again")

    def filled(self) -> None:
        self._draw()
        table = self.query_one(EditedPanel).table
        table.action_last_row()
        table.focus()

    def on_resize(self) -> None:
        if self._filled:
            self._draw()

    def reload(self) -> None:
        if not self._request_number:
            self._ask()

    def action_reload(self) -> None:
        self._ask()

    def action_back(self) -> None:
        if self.maximized is not None:
            self.minimize()
        else:
            self.dismiss()

    def action_drop(self) -> None:
        if self.history_draft.entries:
            self._change(self.history_draft.dropped(self._cursor_index()))

    def action_add(self) -> None:
        def add(addition: Addition | None) -> None:
            if addition is not None:
                place = min(self._cursor_index() + 1, len(self.history_draft.entries))
                self._change(self.history_draft.grown(place, addition.item, addition.words), place)

        self.app.push_screen(AddItemDialog(self._user_event.dataset), add)

    def action_undo(self) -> None:
        self._change(self.history_draft.undone())

    def action_move(self, step: int) -> None:
        self._change(self.history_draft.moved(self._cursor_index(), step))

    def action_reset(self) -> None:
        self._change(self.history_draft.reset())

    def action_model(self) -> None:
        choices = [
            Choice(evaluation.key, label, f"{numbers.count(evaluation.n)} {evaluation.split} events")
            for evaluation, label in self._evaluations
        ]

        def chosen(key: str | None) -> None:
            found = next((evaluation for evaluation, _ in self._evaluations if evaluation.key == key), None)
            if found is not None and found.key != self._evaluation.key:
                self._evaluation = found
                self._stored = self._before = self._now = None
                self._ready = False
                self._draw()
                self._ask()

        self.app.push_screen(ChoiceDialog("The model that ranks", choices, self._evaluation.key), chosen)

    def action_against(self) -> None:
        self._against_stored = not self._against_stored
        self._draw()

    def action_seen(self) -> None:
        self._masked = not self._masked
        self._draw()

    def action_top(self, step: int) -> None:
        self._top = TOP_CHOICES[1 if step > 0 else 0]
        self._draw()

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_item()

    def action_item(self) -> None:
        if self.focused is not None and self.focused.id == "edited":
            entries = self.history_draft.entries
            item = entries[self._cursor_index()].item if entries else None
        else:
            item = self.query_one(RankingPanel).item_at_cursor()
        if item is not None:
            self.app.push_screen(ItemDialog(item))

    def action_why(self) -> None:
        ranking = self.query_one(RankingPanel)
        item = ranking.item_at_cursor()
        if item is None or not self.history_draft.query:
            self.notify("Nothing is ranked yet.", severity="warning")
            return
        labels = [entry.label for entry in self.history_draft.entries]
        self.app.push_screen(
            WhyDialog(self._evaluation.key, self._label, item, self.history_draft.query, labels, ranking.picks)
        )

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        from engine.inference.messages import Ranking, Refusal, Stage

        answer = event.answer
        if isinstance(answer, Died):
            self._ready = False
            self._say("!", answer.words)
        elif isinstance(answer, Stage):
            if not self._ready:  # what is ready answers before a stage could be read
                self._say("…", stage_words(answer.stage, answer.done, answer.total))
        elif answer.id != self._request_number:
            return
        elif isinstance(answer, Refusal):
            self._stored = self._before = self._now = None
            self._draw()
            self._say("!", answer.words)
        elif isinstance(answer, Ranking):
            self._ready = True
            self._say("●", ready_words(answer.memory, answer.ms))
            wanted = {*answer.items, *answer.items_masked} - set(self._items)
            self.read("items", lambda: self._read_items(wanted), lambda items: self.Titled(answer, items))

    @on(Titled)
    def _titled(self, event: Titled) -> None:
        self._items |= event.items
        if event.ranking.id != self._request_number:
            return
        self._before, self._now = self._now, event.ranking
        if not self.history_draft.changed:
            self._stored = event.ranking
        self._draw()

    def _read_items(self, wanted: set[int]) -> dict[int, Item]:
        with self.workspace.read() as db:
            return dataset_store.items_by_id(db, self._user_event.dataset.id, wanted)

    def _cursor_index(self) -> int:
        """The place of the entry under the cursor."""
        return self.query_one(EditedPanel).cursor_index(self.history_draft)

    def _change(self, history_draft: HistoryDraft, cursor: int | None = None) -> None:
        if history_draft == self.history_draft:
            return
        self.history_draft = history_draft
        self._draw()
        if cursor is not None:
            self.query_one(EditedPanel).table.move_cursor(row=cursor)
        self.rest("rest", REST_S, self._ask)

    def _ask(self) -> None:
        from engine.inference.messages import RankRequest

        self._requested_history = self.history_draft.query
        if not self._requested_history:
            self._request_number = -1  # an answer that is still to come is about what is no longer there
            self._say("!", "The history is empty: there is nothing to rank by. u undoes, a adds.")
            return
        if not self._ready:
            self._say("…", stage_words("starting", 0, 0))
        try:
            self._request_number = self.bench.inference.ask(
                lambda number: RankRequest(
                    number, self._evaluation.key, self._requested_history, self._user_event.event.item, TOP
                ),
                lambda answer: self.post_message(self.Answered(answer)),
            )
        except OSError as error:
            self._say("!", f"No process can be started for this: {error.strerror}. A change tries again.")

    def _say(self, sign: str, words: str) -> None:
        self.query_one("#edit-state", Static).update(Text(f"{sign} ").append_text(whole(words)))

    def _draw(self) -> None:
        self._say_settings()
        known = (
            self._now is not None
            and self._now.id == self._request_number
            and self._requested_history == self.history_draft.query
        )
        self.query_one(EditedPanel).put(
            self.history_draft, self._now.visible if self._now is not None and known else None
        )
        self._draw_ranking()

    def _draw_ranking(self) -> None:
        shown, remark = None, ""
        if self._now is not None and self.history_draft.query:
            against = self._stored if self._against_stored else self._before
            target = self._user_event.event.item
            shown = ranked_again(self._now, against, self._items, target, masked=self._masked, top=self._top)
            score = "–" if shown.score is None else numbers.score(shown.score)
            remark = f"seen items {'masked' if self._masked else 'kept'}; target's score {score}"
            if self._evaluation.protocol.get("history"):
                total = numbers.counted(len(self._now.entries), "item")
                remark += f"; read {numbers.count(self._now.visible)} of {total}"
        self.query_one(RankingPanel).put(self._label, self._evaluation, self._user_event.target.item, shown, remark)

    @property
    def _label(self) -> str:
        named = {evaluation.key: label for evaluation, label in self._evaluations}
        return named.get(self._evaluation.key, self._evaluation.model)

    def _say_settings(self) -> None:
        self.query_one(SettingsLine).put(
            [
                Setting("m", "model", self._label, "model"),
                Setting("b", "moved against", "the stored history" if self._against_stored else "before", "against"),
                Setting("+ -", "top", str(self._top), f"top({1 if self._top == TOP_CHOICES[0] else -1})"),
                Setting("x", "seen items", "masked" if self._masked else "kept", "seen"),
            ]
        )
