"""Users: one history and its target, beside what two or three models recommend."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import DataTable, Static

from store.plain_text import plain
from store.records import Item
from store.words import Seen
from workbench import numbers
from workbench.display import line, title
from workbench.next_step import command
from workbench.remembered import TOP_CHOICES, UsersChoice
from workbench.screens.area import AreaScreen
from workbench.screens.choice import Choice, ChoiceDialog
from workbench.screens.item import ItemDialog
from workbench.visit import HISTORY_LIMIT, Happening, Side, UserPage, UsersView, Visit, read_users, read_visit
from workbench.widgets.search_line import SearchLine
from workbench.widgets.section import Section
from workbench.widgets.settings_line import Setting, SettingsLine
from workbench.widgets.side_panel import TARGET, SidePanel
from workbench.widgets.table import Heading, Line, Table

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.asked import Asked

LISTED = 1_000  # users in the list at most; beyond that typing is quicker than scrolling


class UsersScreen(AreaScreen):
    """Finds users by key, at random, one after another, or by a question about what models found."""

    AREA = "users"
    HELP_TITLE = "Users"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Find", id="users.search", priority=True,
                tooltip="Find a user by the first letters of the key"),
        Binding("n", "step('next')", "Next", id="users.next",
                tooltip="The next event that answers the question, or of the left evaluation where none is asked"),
        Binding("r", "step('random')", "Random", id="users.random", show=False, tooltip="One of them drawn at random"),
        Binding("f", "ask", "Ask", id="users.ask", show=False,
                tooltip="Only events that answer a question, such as A in top 10, B not in top 50; Esc ends it"),
        Binding("e", "edit", "Edit", id="users.edit",
                tooltip="Edit this history (drop, add, move) and rank again"),
        Binding("p", "step('previous')", "Previous", id="users.previous", show=False, tooltip="The event before"),
        Binding("left_square_bracket", "step('earlier')", "Earlier", id="users.earlier", show=False,
                tooltip="This user's event before"),
        Binding("right_square_bracket", "step('later')", "Later", id="users.later", show=False,
                tooltip="This user's next event"),
        Binding("d", "dataset", "Dataset", id="users.dataset", show=False, tooltip="Choose the dataset"),
        Binding("a", "side('left')", "Left model", id="users.left", show=False,
                tooltip="Choose the evaluation on the left"),
        Binding("b", "side('right')", "Right model", id="users.right", show=False,
                tooltip="Choose the evaluation on the right"),
        Binding("c", "side('third')", "Third model", id="users.third", show=False,
                tooltip="Choose a third evaluation beside them, or none"),
        Binding("plus,equals_sign", "top(1)", "More items", id="users.more", show=False, tooltip="The top 50"),
        Binding("minus", "top(-1)", "Fewer items", id="users.fewer", show=False, tooltip="The top 10"),
        Binding("x", "seen", "Seen", id="users.seen", show=False,
                tooltip="Mask items of the history, or keep them among the candidates"),
        Binding("enter", "item", "Item text", id="users.item", show=False,
                tooltip="Everything stored about the item under the cursor"),
        Binding("i", "event", "About", id="users.about", show=False,
                tooltip="This event in full: where each model has the target, its score, and the protocol"),
        Binding("w", "why", "Why", id="users.why",
                tooltip="How much each entry of the history adds to the score of the recommended item under the cursor"
                        " (of the left model's while the cursor is elsewhere)"),
    ]  # fmt: skip

    class Loaded(Message):
        """An event was read."""

        def __init__(self, view: UsersView) -> None:
            super().__init__()
            self.view = view

    class Listed(Message):
        """A page of users was read."""

        def __init__(self, page: UserPage) -> None:
            super().__init__()
            self.page = page

    def __init__(self) -> None:
        super().__init__()
        self.view: UsersView | None = None
        self._listed: list[tuple[int, str]] = []
        self._page: UserPage | None = None
        self._open_first = False

    @property
    def choice(self) -> UsersChoice:
        return self.remembered.users

    def body(self) -> ComposeResult:
        yield SettingsLine(id="users-settings")
        yield Static(id="users-empty", classes="empty", markup=False)
        with Horizontal(id="users"):
            with Vertical(id="people"):
                yield Section("Users", id="people-title")
                yield SearchLine()
                yield Table(id="people-list")
            with Vertical(id="visit"):
                with Vertical(id="past"):
                    yield Section("User", id="visit-title")
                    yield Table(id="history")
                with Horizontal(id="sides"):
                    yield SidePanel("a", id="left")
                    yield SidePanel("b", id="right")
                    yield SidePanel("c", id="third")

    def filled(self) -> None:
        self.query_one("#users").display = False
        self.query_one("#users-empty").display = False

    def reload(self) -> None:
        self._step("")

    def _step(self, step: str) -> None:
        choice, asked = replace(self.choice), self.view.asked if self.view else None
        self.read("users", lambda: _read(self, choice, step, asked), self.Loaded)

    @on(Loaded)
    def _show(self, event: Loaded) -> None:
        if event.view == self.view:
            return
        first = self.view is None
        before, self.view = self.view, event.view
        if event.view.message:
            self.notify(plain(event.view.message), severity="warning", markup=False)
        if event.view.asked is None:
            self.choice.question = ""  # one that cannot be asked here was told about, and is among those asked before
        self._draw()
        others = before is None or before.dataset != event.view.dataset  # another, or the same one made anew
        if event.view.dataset is not None and (others or (before and before.asked != event.view.asked)):
            self._list("")
        if first and event.view.visit is not None:
            self.query_one("#history").focus()

    def on_resize(self) -> None:
        if self.view is not None and self.view.visit is not None:
            self._draw()

    @on(Listed)
    def _show_list(self, event: Listed) -> None:
        page = event.page
        if page.after:
            self._listed.extend(page.users)
        else:
            self._listed = list(page.users)
        self._page = page
        shown, total = len(self._listed), numbers.count(page.total)
        self.query_one("#people-title", Section).say(
            f"{numbers.count(shown)} of {total}" if shown < page.total else total,
            " ".join(self._people_words(page)),
        )
        table = self.query_one("#people-list", Table)
        table.put((_PLAIN_KEY,), [Line(key, (line(key),)) for _, key in self._listed])
        if not page.after:
            table.move_cursor(row=0)
        if self._open_first:
            self._open_first = False
            self._open(0)

    def _people_words(self, page: UserPage) -> list[str]:
        asked = ["asked for"] * bool(self.view and self.view.asked)
        return (
            asked
            if page.users or page.after
            else [*asked, f"no key begins with {page.prefix}" if page.prefix else "none"]
        )

    @on(SearchLine.Typed)
    def _typed(self, event: SearchLine.Typed) -> None:
        self._list(event.prefix)

    @on(SearchLine.Accepted)
    def _accepted(self) -> None:
        typed = self.query_one(SearchLine).value.strip()
        if self._page is not None and self._page.prefix == typed:
            self._open(0)
        else:
            self._open_first = True

    @on(SearchLine.ToList)
    def _to_list(self) -> None:
        self.query_one("#people-list").focus()

    @on(SearchLine.Left)
    def _left(self) -> None:
        self._end_search()

    @on(Table.AtEnd, "#people-list")
    def _more(self) -> None:
        page = self._page
        if page is not None and self._listed and len(self._listed) < min(page.total, LISTED):
            self._list(page.prefix, self._listed[-1][1])

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        if event.data_table.id == "people-list":
            self._open(event.cursor_row)
        else:
            self.action_item()

    def action_search(self) -> None:
        self.add_class("-searching")
        self.set_focus(self.query_one(SearchLine))  # at once: what is typed ahead belongs into the line

    def action_back(self) -> None:
        if self.maximized is not None:
            super().action_back()
        elif self.has_class("-searching") or (self.focused is not None and self.focused.id == "people-list"):
            self._end_search()
        elif self.choice.question:
            self._ask("")

    def action_step(self, step: str) -> None:
        self._step(step)

    def action_dataset(self) -> None:
        if self.view is not None:
            choices = [Choice(name, name) for name in self.view.datasets]
            current = self.view.dataset.name if self.view.dataset else ""
            self.app.push_screen(ChoiceDialog("Dataset", choices, current), self._set_dataset)

    def action_side(self, side: str) -> None:
        if self.view is None or self.view.visit is None:
            return
        place = _SIDES.index(side)
        shown = self.view.visit.sides[place] if place < len(self.view.visit.sides) else None
        choices = [
            Choice(evaluation.key, label, f"{numbers.count(evaluation.n)} {evaluation.split} events")
            for evaluation, label in self.view.evaluations
        ]
        if choices and side == "third":
            choices.insert(0, Choice("", "none", "two models side by side"))
        if not choices:
            self.notify("No evaluation of this dataset is stored.")
            return

        def chosen(key: str | None) -> None:
            if key is not None:
                setattr(self.choice, side, key)
                self._changed()

        self.app.push_screen(ChoiceDialog(f"The {side} model", choices, shown.evaluation.key if shown else ""), chosen)

    def action_ask(self) -> None:
        if self.view is None or self.view.dataset is None or not self.view.evaluations:
            self.notify("No evaluation of this dataset is stored: there is nothing to ask about.", severity="warning")
            return
        from workbench.screens.ask import AskDialog  # with what only questions need

        self.app.push_screen(AskDialog(replace(self.choice), self._labels()), self._ask)

    def action_top(self, step: int) -> None:
        self.choice.top = TOP_CHOICES[1 if step > 0 else 0]
        self._changed()

    def action_seen(self) -> None:
        self.choice.seen = (Seen.KEEP if self.choice.seen == Seen.MASK else Seen.MASK).value
        self._changed()

    def action_item(self) -> None:
        item = self._item_at_cursor()
        if item is not None:
            self.app.push_screen(ItemDialog(item))

    def action_event(self) -> None:
        if self.view is not None and self.view.visit is not None:
            from workbench.screens.event import EventDialog

            self.app.push_screen(EventDialog(self.view.visit, masked=self.choice.seen == Seen.MASK))

    def action_edit(self) -> None:
        side = self._side_at_cursor()
        if self.view is None or self.view.visit is None or side is None:
            self.notify("No evaluation of this dataset is stored: there is no model to rank with.", severity="warning")
            return
        from workbench.screens.edit_history import EditHistoryScreen  # with all that Users alone does not need

        masked = self.choice.seen == Seen.MASK
        self.app.push_screen(
            EditHistoryScreen(
                self.view.visit, self.view.evaluations, side.evaluation, masked=masked, top=self.choice.top
            )
        )

    def action_why(self) -> None:
        side, visit = self._side_at_cursor(), self.view.visit if self.view else None
        if visit is None or side is None or not side.picks:
            self.notify("No model recommends anything here that could be explained.", severity="warning")
            return
        item = self.query_one(f"#{_SIDES[visit.sides.index(side)]}", SidePanel).item_at_cursor()
        if item is None:
            return
        from workbench.screens.why import WhyDialog

        items = [happening.item for happening in visit.history]
        entries = (*visit.older, *(item.item for item in items))
        labels = [title(item) for item in items]
        self.app.push_screen(WhyDialog(side.evaluation.key, side.label, item, entries, labels))

    def _side_at_cursor(self) -> Side | None:
        """The answer under the cursor, else the first that there is."""
        visit = self.view.visit if self.view else None
        if visit is None:
            return None
        focused = self.focused.id if self.focused is not None else ""
        at = next((side for name, side in zip(_SIDES, visit.sides, strict=False) if focused == f"{name}-picks"), None)
        return at or visit.left or visit.right

    def _set_dataset(self, chosen: str | None) -> None:
        if chosen is not None and (self.view is None or self.view.dataset is None or chosen != self.view.dataset.name):
            self.choice.dataset, self.choice.user, self.choice.event = chosen, "", -1
            self._changed()

    def _ask(self, words: str | None) -> None:
        if words is not None and words != self.choice.question:
            self.choice.question = words
            self.bench.remember()
            self._step("asked")

    def _labels(self) -> list[str]:
        visit = self.view.visit if self.view else None
        return [side.label if side else numbers.NOTHING for side in (visit.sides if visit else (None, None))]

    def _changed(self) -> None:
        self.bench.remember()
        self._say_settings()
        self.reload()

    def _open(self, row: int) -> None:
        if not 0 <= row < len(self._listed) or self.view is None or self.view.dataset is None:
            return
        self.choice.dataset, self.choice.user = self.view.dataset.name, self._listed[row][1]
        self._step("user")
        self._end_search()

    def _end_search(self) -> None:
        self.remove_class("-searching")
        self.query_one("#history").focus()

    def _list_is_of(self) -> str:
        return self.view.dataset.name if self.view and self.view.dataset else ""

    def _list(self, prefix: str, after: str = "") -> None:
        dataset, asked = self._list_is_of(), self.view.asked if self.view else None
        if dataset:
            self.read("people", lambda: read_users(self.workspace, dataset, prefix, after, asked), self.Listed)

    def _item_at_cursor(self) -> Item | None:
        table = self.focused
        if self.view is None or self.view.visit is None or not isinstance(table, Table):
            return None
        if table.id == "history":
            happenings = (*self.view.visit.history, self.view.visit.target)
            return happenings[table.cursor_row].item if 0 <= table.cursor_row < len(happenings) else None
        panel = table.parent
        return panel.item_at_cursor() if isinstance(panel, SidePanel) else None

    def _draw(self) -> None:
        view = self.view
        assert view is not None
        visit = view.visit
        self._say_settings()
        self.query_one("#users").display = view.dataset is not None
        self.query_one("#visit").visible = visit is not None
        empty = self.query_one("#users-empty", Static)
        empty.display = visit is None
        if visit is None:
            empty.update(_nothing(view, self.bench.workspace_option))
            return
        self.choice.dataset, self.choice.user, self.choice.event = visit.dataset.name, visit.user, visit.event.event
        self.bench.remember()
        which = f"{visit.event.split} event {visit.number} of {visit.of_user}" if visit.of_user > 1 else "1 event"
        remark = f"{which}, {numbers.counted(visit.length, 'item')} before the target"
        if visit.length > HISTORY_LIMIT:
            remark += f", the newest {HISTORY_LIMIT} shown"
        self.query_one("#visit-title", Section).say("", remark, title=visit.user)
        table = self.query_one("#history", Table)
        headings, rows = _history(visit)
        before = table.line_at_cursor()
        table.put(headings, rows)
        if before is None or before.key != table.ordered_rows[-1].key.value:
            table.action_last_row()
        masked = self.choice.seen == Seen.MASK
        self.query_one("#third").display = len(visit.sides) > 2
        self.query_one("#sides").set_class(len(visit.sides) > 2, "-three")
        for name, side in zip(_SIDES, visit.sides, strict=False):
            self.query_one(f"#{name}", SidePanel).put(side, visit.dataset, visit.length, masked=masked)

    def _say_settings(self) -> None:
        view = self.view
        dataset = view.dataset if view else None
        label = "–" if dataset is None else dataset.name + (" (synthetic)" if dataset.synthetic else "")
        visit = view.visit if view else None
        sides = self._labels()
        place = numbers.count(visit.place) if visit and visit.place else numbers.NOTHING
        walked = f"{place} of {numbers.count(visit.walked)}" if visit and visit.walked else numbers.NOTHING
        if view and view.asked and not len(view.asked.event):
            walked = "none answers"
        self.query_one(SettingsLine).put(
            [
                Setting("d", "dataset", label, "dataset"),
                Setting("a", "left", sides[0], "side('left')"),
                Setting("b", "right", sides[1], "side('right')"),
                Setting("c", "third", sides[2] if len(sides) > 2 else numbers.NOTHING, "side('third')"),
                Setting("f", "asked", view.asked.words if view and view.asked else "everybody", "ask"),
                Setting("n p r", "event", walked, "step('next')"),
                Setting("+ -", "top", str(self.choice.top), f"top({1 if self.choice.top == TOP_CHOICES[0] else -1})"),
                Setting("x", "seen items", "masked" if self.choice.seen == Seen.MASK else "kept", "seen"),
            ]
        )


_SIDES = ("left", "right", "third")
_PLAIN_KEY = Heading(Text("key", style="dim"), flexible=True)
_HISTORY = (
    Heading(Text(" "), width=1),
    Heading(Text("#", justify="right", style="dim")),
    Heading(Text("date", style="dim"), width=10),
    Heading(Text("rated", justify="right", style="dim")),
    Heading(Text("title", style="dim"), flexible=True),
    Heading(Text("category", style="dim")),
)


def _read(screen: UsersScreen, choice: UsersChoice, step: str, asked: Asked | None) -> UsersView:
    if not screen.workspace.exists():
        return UsersView((), None, (), None)
    return read_visit(screen.workspace, choice, step, asked)


def _nothing(view: UsersView, option: Path | None) -> Text:
    if view.dataset is None:
        text = Text("Nobody to look at yet: there is no dataset. Home (1) says how to get one.\n")
        return text.append(command(["demo"], option), style="bold")
    words = view.message or f"{view.dataset.name} has no event to look at."
    return line(f"{words} Choose another dataset with d, or find a user with /.")


def _history(visit: Visit) -> tuple[tuple[Heading, ...], list[Line]]:
    rows = [_happening(happening, visit, target=False) for happening in visit.history]
    return _HISTORY, [*rows, _happening(visit.target, visit, target=True)]


def _happening(happening: Happening, visit: Visit, *, target: bool) -> Line:
    style = "bold" if target else ""
    category = happening.item.category.replace("|", ", ")
    short = line(category, "dim")
    short.truncate(16, overflow="ellipsis")
    return Line(
        f"{visit.event.event} {happening.place}",
        (
            Text(TARGET if target else " ", style="bold"),
            Text(numbers.count(happening.place), justify="right", style="dim"),
            Text(numbers.day(happening.timestamp), style=style or "dim"),
            Text(numbers.rating(happening.rating), justify="right", style=style),
            line(title(happening.item), style),
            short,
        ),
    )
