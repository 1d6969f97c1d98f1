"""The workbench: areas, what they share, and an eye on the workspace."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Event, InputEvent, Resize
from textual.screen import Screen
from textual.widgets import Input, TextArea

from store import jobs
from store.changes import Changes
from store.errors import BadInput, Problem
from store.rows import Job
from store.workspace import Workspace
from workbench.areas import AREAS
from workbench.ui import clipboard, themes, ui_state
from workbench.ui.area import AreaScreen
from workbench.ui.ascii_fallback import AsciiFallback
from workbench.ui.control_codes import NoControlCodes
from workbench.ui.dialog import Dialog
from workbench.ui.file_access import EVERYWHERE, FileAccess
from workbench.ui.frame_diff import FrameDiff
from workbench.ui.gc_policy import GcPolicy
from workbench.ui.key_names import shown
from workbench.ui.key_table import bindings_of
from workbench.ui.numbers import count
from workbench.ui.problem import ProblemDialog, in_words
from workbench.ui.settings import DEFAULTS, UserSettings

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.filter import LineFilter
    from textual.widget import AwaitMount

    from workbench.launch.recent_forms import RecentForms
    from workbench.users.inference_process import InferenceProcess

POLL_S = 1.0  # one pragma; a new evaluation appears within a second
SAVE_AFTER_S = 1.0  # a run of key presses is one write


def _palette_targets() -> type[Provider]:
    from workbench.go_to import GoTo  # once the palette is opened

    return GoTo


class Workbench(App[None]):
    """Reads one workspace; writes nothing to it but what it remembers itself."""

    TITLE = "st5"
    CSS_PATH = "workbench.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {area.name: area.make for area in AREAS}
    DEFAULT_MODE = AREAS[0].name
    COMMANDS = App.COMMANDS | {_palette_targets}
    # Textual declares both as instance variables, which mypy will not have overridden by a ClassVar.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (120, "-wide"), (170, "-huge")]  # noqa: RUF012 (see above)
    VERTICAL_BREAKPOINTS = [(0, "-low"), (22, "-short"), (34, "-tall")]  # noqa: RUF012 (see above)
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(area.key, f"app.area('{area.name}')", area.title, id=f"app.{area.name}", show=False, priority=True,
                    tooltip=area.purpose)
            for area in AREAS
        ),
        Binding("ctrl+p", "app.command_palette", "Commands", id="app.palette", show=False, priority=True,
                tooltip="Every action by name"),
        Binding("question_mark", "app.help", "Help", id="app.help", tooltip="All keys that work here"),
        Binding("q", "app.quit", "Quit", id="app.quit", tooltip="Leave the workbench"),
        Binding("ctrl+q", "app.quit", "Quit", id="app.quit_anywhere", show=False, priority=True,
                tooltip="Leave the workbench, also from a dialog or while typing"),
        Binding("ctrl+c", "app.help_quit", "Quit?", id="app.interrupt", show=False, system=True,
                tooltip="Says how to quit"),
        Binding("ctrl+z", "app.suspend_process", "To the shell", id="app.suspend", show=False, priority=True,
                tooltip="Back to the shell; fg there brings the workbench back"),
    ]  # fmt: skip

    def __init__(
        self,
        workspace: Workspace,
        *,
        readonly: bool = False,
        option: Path | None = None,
        settings: UserSettings = DEFAULTS,
        access: FileAccess = EVERYWHERE,
    ) -> None:
        super().__init__()
        self.settings = settings
        self._signs = [AsciiFallback()] if settings.plain(os.environ) else []
        self._no_codes = NoControlCodes()
        self._frame_diff = FrameDiff()
        if settings.keys:
            self.set_keymap(dict(settings.keys))
        self.workspace = workspace
        self.readonly = readonly
        self.workspace_option = option
        self.access = access
        self.generation = 0
        self.painted = False
        self.recent_forms: RecentForms | None = None  # what was filled in during this visit, once something was
        self.starting = ""  # the command that is being run to start a job
        self.ui_state = ui_state.load(workspace)
        self._saved = deepcopy(self.ui_state)
        self._changes = Changes(workspace)
        self._save_timer: Any = None
        self._shown_problems: set[str] = set()
        self._gc_policy: GcPolicy | None = None
        self._opened = {self.DEFAULT_MODE}
        self._waits_for_parts = True
        self._unfinished = False
        self._inference: InferenceProcess | None = None
        for own in themes.OWN:
            self.register_theme(own)
        theme = settings.theme or self.ui_state.theme
        if theme in self.available_themes and theme != themes.DARK.name:
            self.theme = theme
        else:
            # As dark as Textual's own, so nothing but its colours differs: a watched change would parse every style
            # twice more before the first frame. They are not parsed yet, and take the colours from here.
            self.set_reactive(App.theme, themes.DARK.name)
            self.stylesheet.set_variables(self.get_css_variables())

    def on_mount(self) -> None:
        if not self.is_headless:  # then the process is not the workbench's alone
            self._gc_policy = GcPolicy()
        self._changes.poll()
        self.set_interval(POLL_S, self.poll)
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        self.app_resume_signal.subscribe(self, lambda _: self._draw_again())

    def on_ready(self) -> None:
        """The first frame is painted, with nothing but its first line and last: now make the rest."""
        self.painted = True
        first = self.screen_stack[0]
        if isinstance(first, AreaScreen):
            first.mount_body()

    async def on_event(self, event: Event) -> None:
        if self._gc_policy is not None and isinstance(event, InputEvent):
            self._gc_policy.touched()
        if isinstance(event, Resize):  # terminals move what they show
            self._frame_diff.forget()
        await super().on_event(event)

    def _draw_again(self) -> None:
        """After another program had the terminal: all of the screen, which Textual does not draw again by itself."""
        self._frame_diff.forget()
        self.refresh(layout=True)

    def keep(self) -> None:
        """An area has all its parts, and they will stay."""
        if self._gc_policy is not None:
            self._gc_policy.keep()

    def on_unmount(self) -> None:
        self._changes.close()
        if self._inference is not None:
            self._inference.end()

    @property
    def inference(self) -> InferenceProcess:
        """The process that keeps one model in memory; it starts when it is first asked."""
        if self._inference is None:
            from workbench.users.inference_process import InferenceProcess

            self._inference = InferenceProcess(self.workspace.folder)
        return self._inference

    @property
    def awaits_inference(self) -> bool:
        """Whether the process that keeps a model in memory has a question to answer."""
        return self._inference is not None and self._inference.waiting

    async def settled(self) -> None:
        """Wait until everything that was asked for is read, laid out and drawn. Not to be awaited by the app itself."""
        from workbench.ui.settled import settled  # tests, pictures and benchmarks ask

        await settled(self)

    def look_again(self) -> None:
        """Forget which problems were told, as a reader asked to read again."""
        self._shown_problems.clear()

    def remember(self) -> None:
        """Save the UI state soon if it changed; a failure is ignored."""
        if self.readonly or self.ui_state == self._saved:
            return
        if self._save_timer is not None:
            self._save_timer.stop()
        self._save_timer = self.set_timer(SAVE_AFTER_S, self._save)

    @property
    def plain_signs(self) -> bool:
        """Whether everything is drawn in ASCII."""
        return bool(self._signs)

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """What Textual writes to the terminal, less what stands there already. Its own name: there is no public one."""
        if not self._batch_count:  # then nothing is written
            renderable = self._frame_diff.thin(renderable)
        super()._display(screen, renderable)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._no_codes, *self._signs]

    def watch_jobs(self, unfinished: bool) -> None:
        """While there are unfinished jobs, look every second whether their workers still live."""
        self._unfinished = unfinished

    def copy(self, text: str) -> None:
        """Send text to the terminal's clipboard; one that is too long goes to a file, or nowhere from a browser."""
        if clipboard.fits(text):
            self.copy_to_clipboard(text)
            self.notify(f"Sent {count(len(text.encode()))} bytes to the terminal's clipboard.")
            return
        if self.is_web:  # a file on the machine that serves the page is out of the reader's reach
            size = count(len(text.encode()))
            self.notify(f"Too long for the clipboard ({size} bytes): nothing was copied.", severity="warning")
            return
        try:
            path = clipboard.to_file(text)
        except OSError as error:
            self.notify(f"Too long for the clipboard, and no file could be written: {error}", severity="error")
            return
        self.notify(
            f"Too long for the terminal's clipboard ({count(len(text.encode()))} bytes): see {path}", markup=False
        )

    def show_problem(self, error: BaseException) -> None:
        """Show an error once; the same again is not worth another dialog."""
        words = in_words(error)
        if words not in self._shown_problems:
            self._shown_problems.add(words)
            self.push_screen(ProblemDialog(error))

    def switch_mode(self, mode: str) -> AwaitMount:
        """Show an area. One that was there before is drawn at once; Textual waits for the parts of a new one."""
        self._waits_for_parts = mode not in self._opened
        self._opened.add(mode)
        try:
            return super().switch_mode(mode)
        finally:
            self._waits_for_parts = True

    def delay_update(self, delay: float = 0.05) -> None:
        if self._waits_for_parts:
            super().delay_update(delay)

    def action_area(self, name: str) -> None:
        self.switch_mode(name)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The key of an area is not handed on from part to part, where it would wait for whatever is being drawn
        (priority). It is a letter where one types, and a dialog is closed first."""
        if action == "area":
            return isinstance(self.screen, AreaScreen) and not isinstance(self.focused, Input)
        return super().check_action(action, parameters)

    def action_help(self) -> None:
        from workbench.help.dialog import HelpDialog, sections

        screen = self.screen
        if not isinstance(screen, AreaScreen | Dialog) or isinstance(screen, HelpDialog):
            return
        self.push_screen(HelpDialog("Keys", sections(screen, self)))

    async def action_settings(self) -> None:
        """Open one's own settings in the editor, and live by them at once."""
        from workbench.ui.external_programs import in_editor
        from workbench.ui.settings import read_settings, settings_path, template

        path = settings_path()
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(template(), encoding="utf-8")
        if not in_editor(self, path):
            return
        try:
            self.settings = read_settings(path)
        except BadInput as error:  # the old ones stay in force
            self.push_screen(ProblemDialog(error))
            return
        self._signs = [AsciiFallback()] if self.settings.plain(os.environ) else []
        self.set_keymap(dict(self.settings.keys))
        if self.settings.theme:
            self.theme = self.settings.theme
        self.refresh(layout=True)

    def action_press_key(self, key: str) -> None:
        """What a click on a key of the last line does."""
        self.simulate_key(key)

    def action_help_quit(self) -> None:
        """Say which key quits: the one of the last line, unless a dialog or a line of text takes that key."""
        ways = [found.binding for found in self.active_bindings.values() if found.binding.action == "app.quit"]
        typing = isinstance(self.focused, Input | TextArea)
        plain = [way for way in ways if way.show and not typing]
        if way := next(iter(plain or ways), None):
            self.notify(f"Press {shown(way.key.split(',')[0])} to quit.", markup=False)

    def action_suspend_process(self) -> None:
        """Back to the shell until its `fg`; says so where no shell would bring the workbench back."""
        from workbench.ui.external_programs import to_shell

        to_shell(self, super().action_suspend_process)

    async def action_quit(self) -> None:
        """Leave; where jobs go on, say so first: to quit from that dialog leaves at once."""
        from workbench.jobs.quit import QuitDialog

        if not isinstance(self.screen, QuitDialog):
            unfinished = await asyncio.to_thread(_unfinished, self.workspace)
            if unfinished or self.starting:
                self.push_screen(QuitDialog(unfinished, self.starting), self._leave_if)
                return
        self._leave()

    def _leave_if(self, sure: bool | None) -> None:
        if sure:
            self._leave()

    def _leave(self) -> None:
        if self._save_timer is not None:
            self._save_timer.stop()
            self._save_timer = None
            ui_state.save(self.workspace, self.ui_state)
        self.exit()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The same actions as the keys, by name; and the theme."""
        for node in (screen, self):
            seen: set[str] = set()
            for binding in bindings_of(node, self):
                if binding.system or binding.action in seen or binding.action == "app.command_palette":
                    continue
                if isinstance(screen, AreaScreen) and screen.withholds(binding.action):
                    continue
                seen.add(binding.action)
                run = partial(self.run_action, binding.action, node)
                yield SystemCommand(f"{binding.description}  ({shown(binding.key)})", binding.tooltip, run)
        yield SystemCommand("Theme", "Choose other colours", self.action_change_theme)
        if not self.is_web:  # a page has no terminal for an editor
            yield SystemCommand("Settings", "Keys, theme and signs of your own, in $EDITOR", self.action_settings)

    def poll(self) -> None:
        """Read what changed in the workspace and the size of the terminal, as every second."""
        if self._gc_policy is not None:
            self._gc_policy.look()
        if self._changes.poll():
            self.generation += 1
        for screen in self.screen_stack[-1:]:  # Textual passes a resize on by a timer that a busy machine can lose
            if screen.outer_size != self.size:
                screen.post_message(Resize(self.size, self.size))
        top = next((screen for screen in reversed(self.screen_stack) if isinstance(screen, AreaScreen)), None)
        if top is not None:  # what lies below it looks again when it is on top
            top.refresh_if_stale()
        if self._unfinished and not self.readonly:
            work = partial(_reap, self.workspace)
            self.run_worker(work, group="reap", thread=True, exclusive=True, exit_on_error=False)

    def _keep_theme(self, theme: Any) -> None:
        self.ui_state.theme = theme.name
        self.remember()

    def _save(self) -> None:
        self._save_timer = None
        self._saved = deepcopy(self.ui_state)
        work = partial(ui_state.save, self.workspace, self._saved)
        self.run_worker(work, group="remember", thread=True, exclusive=True, exit_on_error=False)


def _unfinished(workspace: Workspace) -> tuple[Job, ...]:
    """Jobs that go on; none where that cannot be read, since leaving must always be possible."""
    if not workspace.exists():
        return ()
    try:
        with workspace.read() as db:
            return tuple(jobs.unfinished(db))
    except (Problem, ValueError, KeyError, TypeError):
        return ()


def _reap(workspace: Workspace) -> None:
    """Record dead workers in the store, where the next poll finds them."""
    from engine.jobs import control  # only where a job is unfinished: the workbench starts without the engine

    control.reap(workspace)
