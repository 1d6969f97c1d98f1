"""One line of a form that holds a path: typed, or looked for with Ctrl+O."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType

from workbench.ui.text_line import TextLine

if TYPE_CHECKING:
    from workbench.application import Workbench


class PathField(TextLine):
    """`folder`: it names a folder, not a file."""

    HELP_TITLE: ClassVar[str] = "In a path"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "browse", "Look for it", id="path_field.browse", show=False, priority=True,
                tooltip="Look for the file or folder in a list"),
    ]  # fmt: skip

    def __init__(self, value: str, hint: str, *, folder: bool) -> None:
        super().__init__(value, placeholder=f"{hint}  (Ctrl+O looks for it)", compact=True)
        self._folder = folder

    def action_browse(self) -> None:
        from workbench.ui.file_picker import FilePicker

        others = (field.value for field in self.screen.query(PathField) if field.value)
        start = self.value or next(others, "")  # files that belong together lie together
        access = cast("Workbench", self.app).access
        self.app.push_screen(FilePicker(start, folder=self._folder, access=access), self._chosen)

    def _chosen(self, path: str | None) -> None:
        if path is not None:
            self.value = path
            self.cursor_position = len(path)
