"""`st5 --web`: the workbench in a real browser, closed to everyone without its key, and to files of other folders."""

from __future__ import annotations

import base64
import http.client
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import SNAPSHOTS, press, screen_text, settle

from store.errors import BadInput
from store.workspace import Workspace
from tests.program import Program
from workbench.application import Workbench
from workbench.launch.ingest import TableForm
from workbench.launch.train import TrainForm
from workbench.ui.exported import problem
from workbench.ui.file_access import FileAccess
from workbench.ui.file_picker import FilePicker

WAIT_S = 60.0  # only a hang reaches it
BELL = "\a"
CODES = re.compile(r"\x1b\[[0-9;?<>]*[a-zA-Z]")


class Served:
    """`st5 --web` in a process of its own, as it is started from a shell or from cron."""

    def __init__(self, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "engine", "--workspace", "shop", *options, "--web", "--port", "0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        said = self._process.stderr
        assert said is not None
        assert select.select([said], [], [], WAIT_S)[0], f"waited {WAIT_S:.0f} s for the address"
        self.address = said.readline().decode().removeprefix("Open ").strip()
        self.host = urlsplit(self.address).netloc
        self.key = self.address.partition("key=")[2]

    def status(self, path: str, **headers: str) -> int:
        """The answer's status; header values as bytes of Latin-1, so that any byte can be sent."""
        connection = http.client.HTTPConnection(self.host, timeout=WAIT_S)
        try:
            connection.putrequest("GET", path, skip_host="Host" in headers)
            for name, value in headers.items():
                connection.putheader(name, value.encode("latin-1"))
            connection.endheaders()
            return connection.getresponse().status
        finally:
            connection.close()

    def end(self) -> str:
        """Ctrl+C; returns what was said after the address."""
        assert self._process.stderr is not None
        self._process.send_signal(signal.SIGINT)
        try:
            said = self._process.stderr.read().decode()
            assert self._process.wait(WAIT_S) == 0, said
        finally:
            self._process.kill()
            self._process.stderr.close()
        return said


@pytest.fixture
def served(workspace: Workspace) -> Iterator[Served]:
    server = Served("--readonly")
    yield server
    assert server.end() == "Ctrl+C ends it.\n"  # and no traceback


class Page:
    """A page in Chromium: what it asked for, and what its workbench sent."""

    def __init__(self, page: Any, address: str) -> None:
        self._page = page
        self.requests: list[str] = []
        self._sent: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        with page.expect_websocket(timeout=1000 * WAIT_S) as opened:
            page.on("websocket", lambda socket: socket.on("framereceived", self._arrived))
            page.goto(address)
        self._socket = opened.value
        self.requests.append(self._socket.url)

    def _arrived(self, frame: str | bytes) -> None:
        self._sent.append(frame if isinstance(frame, str) else frame.decode(errors="replace"))

    @property
    def sent(self) -> str:
        return CODES.sub("", "".join(self._sent))

    def shows(self, words: str) -> None:
        """Wait until the words were sent since the last key."""
        from playwright.sync_api import TimeoutError as Late

        try:
            if words not in self.sent:
                self._socket.wait_for_event("framereceived", lambda _: words in self.sent, timeout=1000 * WAIT_S)
        except Late:
            raise AssertionError(f"sent:\n{self.sent[-4000:]}\nwaited {WAIT_S:.0f} s for {words!r}") from None

    def opened(self) -> None:
        """Wait for Home, and give the terminal the page's focus with a click on nothing."""
        self.shows("[1 Home]")
        self._page.mouse.click(600, 700)

    def closed(self) -> None:
        """Wait until the page says that its workbench has ended."""
        self._page.wait_for_selector("#closed", state="visible", timeout=1000 * WAIT_S)

    def press(self, key: str) -> None:
        self._sent.clear()
        self._page.keyboard.press(key)

    def type(self, text: str) -> None:
        self._page.keyboard.type(text)

    def picture(self, path: Path, enough: Callable[[bytes], bool]) -> bytes:
        """A picture that is `enough`."""
        for _ in range(int(10 * WAIT_S)):
            data: bytes = self._page.screenshot(path=path)
            if enough(data):
                return data
            self._page.wait_for_timeout(100)  # a browser does not report that it has drawn what arrived
        raise AssertionError(f"waited {WAIT_S:.0f} s for another picture than {path}")


@pytest.fixture
def browse() -> Iterator[Callable[[str], Page]]:
    """Open an address in Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    # Chromium makes a socket in the temporary folder, and its path has at most 107 bytes.
    surroundings = dict(os.environ, TMPDIR="/tmp")
    with sync_playwright() as browsers, browsers.chromium.launch(executable_path=chromium, env=surroundings) as browser:
        yield lambda address: Page(browser.new_page(viewport={"width": 1200, "height": 800}), address)


def test_a_browser_shows_home_and_a_key_opens_results(
    served: Served, browse: Callable[[str], Page], tmp_path: Path
) -> None:
    page = browse(served.address)
    page.opened()
    home = page.picture(tmp_path / "home.png", lambda data: len(data) > 10_000)  # an empty page has about 5,000 bytes
    page.press("4")
    page.shows("[4 Results]")
    results = page.picture(tmp_path / "results.png", lambda data: data != home and len(data) > 10_000)
    if os.environ.get("ST5_UPDATE_SNAPSHOTS"):
        (SNAPSHOTS / "web.png").write_bytes(results)
    assert {urlsplit(url).netloc for url in page.requests} == {served.host}, page.requests
    assert any("/static/fonts/" in url for url in page.requests), page.requests  # its own font, not a public host's
    page.press("Control+z")
    page.shows("has no shell")
    page.press("Control+c")
    page.shows("Press q to quit")


def test_a_page_has_neither_pager_nor_editor_nor_files_of_other_folders(
    workspace: Workspace, browse: Callable[[str], Page], tmp_path: Path
) -> None:
    (tmp_path / "given").mkdir()
    server = Served("--files", "given")
    try:
        page = browse(server.address)
        page.opened()
        page.press("?")
        page.shows("Copy table")
        keys = page.sent
        page.press("G")
        page.shows("Leave the workbench, also from")
        keys += page.sent
        assert "Send the whole table" in keys
        assert "$PAGER" not in keys
        assert "fg there" not in keys
        page.press("q")
        page.shows("Evaluations  7")  # the dialog has gone
        page.press("4")
        page.shows("[4 Results]")
        page.press("o")
        page.shows("Enter writes the file")
        page.press("Enter")
        page.shows("Written to")
        assert list((tmp_path / "shop").glob("*.csv"))
        page.press("o")
        page.shows("Enter writes the file")
        page.type("/../../stolen.csv")
        page.shows("lies outside the folders that st5 may use")
        page.press("Enter")
        page.shows(BELL)  # refused; a key typed ahead of a palette is answered in the palette
        page.press("Control+p")
        page.shows("Search for commands")
        page.type("settings")
        page.shows("No matches found")
    finally:
        said = server.end()  # while the page is open
    assert not list(tmp_path.rglob("stolen.csv"))
    assert said == "Ctrl+C ends it.\n"
    page.closed()


def test_it_is_closed_to_other_pages_names_and_accounts(served: Served) -> None:
    port = served.host.partition(":")[2]
    page, key = f"/?key={served.key}", {"Cookie": f"st5={served.key}"}
    assert served.status(page) == 200  # it listens once it has said its address
    assert served.status("/") == 403
    assert served.status("/?key=" + "a" * 32) == 403
    assert served.status("/ws") == 403
    assert served.status("/ws", Cookie="st5=wrong") == 403
    assert served.status(page, Host=f"elsewhere.example:{port}") == 403
    assert served.status(page, Origin="http://elsewhere.example") == 403
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": base64.b64encode(b"0" * 16).decode()}  # fmt: skip
    assert served.status("/ws", **upgrade, **key, Origin="http://elsewhere.example") == 403
    assert served.status("/download/1", **key) == 404


@pytest.mark.parametrize("wrong", ["%C3%A9", "%FF", "%00", "%ED%A0%80", "%F0%9F%94%91"])
def test_a_key_outside_ascii_is_a_wrong_key(served: Served, wrong: str) -> None:
    assert served.status(f"/?key={wrong}") == 403
    assert served.status(f"/?key={served.key}{wrong}") == 403


@pytest.mark.parametrize("wrong", ["é", "ÿþ", "\xc3\xa9", '"\\351"'])
def test_a_cookie_outside_ascii_is_a_wrong_key(served: Served, wrong: str) -> None:
    assert served.status("/ws", Cookie=f"st5={wrong}") == 403
    assert served.status("/download/1", Cookie=f"st5={served.key}{wrong}") == 403


def test_a_taken_port_and_a_port_without_web_are_said(workspace: Workspace, served: Served) -> None:
    port = served.host.partition(":")[2]
    ended = Program(workspace.folder)("--web", "--port", port)
    assert (ended.code, "Address already in use" in ended.err) == (2, True)
    ended = Program(workspace.folder)("--port", port)
    assert (ended.code, "goes with --web" in ended.err) == (2, True)


@pytest.fixture
def access(workspace: Workspace, tmp_path: Path) -> FileAccess:
    """The workspace and one more folder; beside them a file, and in them a link to it."""
    (tmp_path / "given" / "deep").mkdir(parents=True)
    (tmp_path / "given" / "events.csv").write_text("user_id,item_id,timestamp\n")
    (tmp_path / "secret.csv").write_text("user_id,item_id,timestamp\n")
    (tmp_path / "given" / "link.csv").symlink_to(tmp_path / "secret.csv")
    return FileAccess.of(workspace.folder, tmp_path / "given")


def test_what_lies_in_the_folders_given(access: FileAccess, tmp_path: Path) -> None:
    inside = ("shop", "shop/st5.db", "given/events.csv", "given/deep/../new.csv", "shop/../given")
    outside = (".", "secret.csv", "given/link.csv", "given/../secret.csv", "shops", "~", "/etc/passwd", "given/\0")
    assert [name for name in inside if not access.allows(Path(name))] == []
    assert [name for name in outside if access.allows(Path(name))] == []
    assert FileAccess().allows(Path("/etc/passwd"))


def test_a_form_refuses_files_outside_the_folders_given(workspace: Workspace, access: FileAccess) -> None:
    job_form = TableForm(events="secret.csv", items="given/events.csv", name="new")
    assert "lies outside the folders" in job_form.validate(workspace, access).problem
    job_form = TableForm(events="given/link.csv", items="given/events.csv", name="new")
    assert "lies outside the folders" in job_form.validate(workspace, access).problem
    assert "--files FOLDER" in job_form.validate(workspace, access).problem
    job_form = TableForm(events="given/events.csv", items="given/events.csv", name="new")
    assert "lies outside" not in job_form.validate(workspace, access).problem
    assert "lies outside" not in TableForm(events="secret.csv", items="secret.csv").validate(workspace).problem
    assert "lies outside" in TrainForm(variant="only", backbone="..").validate(workspace, access).problem
    assert "lies outside" not in TrainForm(variant="only", backbone="hub/name").validate(workspace, access).problem
    with pytest.raises(BadInput, match="lies outside"):
        access.check(Path("/etc"))
    assert "lies outside" in problem("secret.csv", access)
    assert problem("given/new.csv", access) == ""


async def test_the_file_picker_stays_in_the_folders_given(
    workspace: Workspace, access: FileAccess, tmp_path: Path
) -> None:
    app = Workbench(workspace, access=access)
    chosen: list[str | None] = []
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.push_screen(FilePicker("given/deep", folder=False, access=access), chosen.append)
        await settle(pilot)
        assert "given/deep" in screen_text(app)
        await press(pilot, "h")  # to the folder above, which is one of those given
        text = screen_text(app)
        assert "events.csv" in text
        assert "↑ .." not in text  # nothing above it is
        assert "link.csv" not in text
        assert "▸ " + str(tmp_path.resolve() / "shop") in text
        await press(pilot, "h")
        assert "lies outside the folders" in screen_text(app)
        assert "secret.csv" not in screen_text(app)
        await press(pilot, "tilde")
        assert "lies outside the folders" in screen_text(app)
        await press(pilot, "g enter")  # the first of the folders given
        assert "st5.db" in screen_text(app)
        await press(pilot, "escape")
        app.push_screen(FilePicker("secret.csv", folder=False, access=access), chosen.append)
        await settle(pilot)
        assert "st5.db" in screen_text(app)  # what was typed is no place to begin
    assert chosen == [None]
