"""`st5 --web`: the workbench in a real browser, and closed to everybody else."""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import SNAPSHOTS

from store.workspace import Workspace
from tests.program import Program

CODES = re.compile(r"\x1b\[[0-9;?<>]*[a-zA-Z]")


@pytest.fixture
def address(workspace: Workspace) -> Iterator[str]:
    server = subprocess.Popen(
        [sys.executable, "-m", "engine", "--workspace", str(workspace.folder), "--readonly", "--web", "--port", "0"],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert server.stderr is not None
    address = server.stderr.readline().removeprefix("Open ").strip()
    port = int(address.partition("/?")[0].rpartition(":")[2])
    for _ in range(100):  # it says where just before it listens
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield address
    server.send_signal(signal.SIGINT)
    assert server.wait(30) == 0
    server.stderr.close()


def status(address: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_browser_shows_home_and_a_key_opens_results(address: str, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        got: list[str] = []

        def arrived(frame: str | bytes) -> None:
            got.append(frame if isinstance(frame, str) else frame.decode(errors="replace"))

        def shows(words: str) -> None:
            for _ in range(300):
                if words in CODES.sub("", "".join(got)):
                    page.wait_for_timeout(500)  # drawn after it arrived
                    return
                page.wait_for_timeout(100)
            raise AssertionError(f"{words!r} did not come: {''.join(got)[-2000:]!r}")

        page.on("websocket", lambda socket: socket.on("framereceived", arrived))
        page.goto(address)
        shows("[1 Home]")
        page.screenshot(path=tmp_path / "home.png")
        page.mouse.click(600, 700)  # the page's focus, on nothing
        page.keyboard.press("4")
        shows("[4 Results]")
        page.screenshot(path=tmp_path / "results.png")
        browser.close()
    home, results = (tmp_path / "home.png").read_bytes(), (tmp_path / "results.png").read_bytes()
    assert min(len(home), len(results)) > 10_000  # an empty page has about 5,000 bytes
    assert home != results
    if os.environ.get("ST5_UPDATE_SNAPSHOTS"):
        (SNAPSHOTS / "web.png").write_bytes(results)


def test_it_is_closed_to_other_pages_names_and_accounts(address: str) -> None:
    bare = address.partition("?")[0]
    assert status(address) == 200
    assert status(bare) == 403
    assert status(bare + "?key=" + "a" * 32) == 403
    assert status(bare + "ws") == 403
    assert status(bare + "ws", Cookie="st5=wrong") == 403
    assert status(address, Host="elsewhere.example:8000") == 403
    assert status(address, Origin="http://elsewhere.example") == 403
    key = {"Cookie": "st5=" + address.partition("key=")[2]}
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": base64.b64encode(b"0" * 16).decode()}  # fmt: skip
    assert status(bare + "ws", **upgrade, **key, Origin="http://elsewhere.example") == 403
    assert status(bare + "download/1", **key) == 404


def test_a_taken_port_and_a_port_without_web_are_said(workspace: Workspace, address: str) -> None:
    port = address.partition("?")[0].rpartition(":")[2].strip("/")
    ended = Program(workspace.folder)("--web", "--port", port)
    assert (ended.code, "Address already in use" in ended.err) == (2, True)
    ended = Program(workspace.folder)("--port", port)
    assert (ended.code, "goes with --web" in ended.err) == (2, True)
