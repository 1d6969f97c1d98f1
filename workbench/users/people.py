"""Finding a user in Users: the list of users, those whose key begins with what is typed, and opening one."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.message import Message

from workbench.ui import numbers
from workbench.ui.display import line
from workbench.ui.search_line import SearchLine
from workbench.ui.section import Section
from workbench.ui.table import Heading, Table, TableLine
from workbench.users.choices import UsersChoosingScreen
from workbench.users.user_event import UserPage, read_users

LISTED = 1_000  # users in the list at most; beyond that typing is quicker than scrolling
_HEADING = Heading(Text("key", style="dim"), flexible=True)


class UsersFindingScreen(UsersChoosingScreen):
    """Lists the users that may be looked at; a subclass has the list, the line above it, and draws who was opened."""

    class Listed(Message):
        """A page of users was read."""

        def __init__(self, page: UserPage) -> None:
            super().__init__()
            self.page = page

    def __init__(self) -> None:
        super().__init__()
        self._listed: list[tuple[int, str]] = []
        self._page: UserPage | None = None
        self._open_first = False

    def action_search(self) -> None:
        self.add_class("-searching")
        self.set_focus(self.query_one(SearchLine))  # at once: what is typed ahead belongs into the line

    def open_row(self, row: int) -> None:
        """Show the user in this row of the list."""
        if not 0 <= row < len(self._listed) or self.view is None or self.view.dataset is None:
            return
        self.choice.dataset, self.choice.user = self.view.dataset.name, self._listed[row][1]
        self.step("user")
        self.end_search()

    def end_search(self) -> None:
        """Back to what is shown."""
        self.remove_class("-searching")
        self.query_one("#history").focus()

    def list_users(self, prefix: str, after: str = "") -> None:
        """Read the users whose key begins with `prefix`, from the one after `after` on."""
        if self.view is not None and self.view.dataset is not None:
            dataset, matching = self.view.dataset.name, self.view.matching
            self.read("people", lambda: read_users(self.workspace, dataset, prefix, after, matching), self.Listed)

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
        table.put((_HEADING,), [TableLine(key, (line(key),)) for _, key in self._listed])
        if not page.after:
            table.move_cursor(row=0)
        if self._open_first:
            self._open_first = False
            self.open_row(0)

    def _people_words(self, page: UserPage) -> list[str]:
        words = ["matching"] if self.view and self.view.matching else []
        if not page.users and not page.after:
            words.append(f"no key begins with {page.prefix}" if page.prefix else "none")
        return words

    @on(SearchLine.Typed)
    def _typed(self, event: SearchLine.Typed) -> None:
        self.list_users(event.prefix)

    @on(SearchLine.Accepted)
    def _accepted(self) -> None:
        typed = self.query_one(SearchLine).value.strip()
        if self._page is not None and self._page.prefix == typed:
            self.open_row(0)
        else:
            self._open_first = True

    @on(SearchLine.ToList)
    def _to_list(self) -> None:
        self.query_one("#people-list").focus()

    @on(SearchLine.Left)
    def _left(self) -> None:
        self.end_search()

    @on(Table.AtEnd, "#people-list")
    def _more(self) -> None:
        page = self._page
        if page is not None and self._listed and len(self._listed) < min(page.total, LISTED):
            self.list_users(page.prefix, self._listed[-1][1])
