"""The workbench in a browser: textual-serve on the loopback, open to nobody without the key in its address."""

from __future__ import annotations

import secrets
import shlex
import socket
import sys
from collections.abc import Sequence

from aiohttp import web
from textual_serve.server import Server

from store.errors import BadInput
from store.python_command import python_command

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")  # other names that lead here belong to somebody's DNS
COOKIE = "st5"


class WebServer(Server):
    """Each browser page is a workbench of its own; what they share is in the workspace.

    The loopback is open to every account of a machine and to every page of a browser. So the address holds a key, as a
    cookie it opens the rest, and a request from another page or by another name is refused.
    """

    def __init__(self, arguments: Sequence[str], port: int) -> None:
        command = shlex.join(python_command("engine", *arguments))
        super().__init__(command, host=HOST, port=port, title="st5")
        self.key = secrets.token_urlsafe(24)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.port}/?key={self.key}"

    def initialize_logging(self) -> None:
        """Say nothing: whoever started this wants its address, not every request."""

    async def on_startup(self, app: web.Application) -> None:
        print(f"Open {self.address}\nCtrl+C ends it.", file=sys.stderr, flush=True)

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        self._refuse_strangers(request)
        if not secrets.compare_digest(request.query.get("key", ""), self.key):
            raise web.HTTPForbidden(text="Open the address that st5 --web printed: it ends in a key.")
        self.public_url = f"http://{request.host}"  # through an SSH tunnel the port may be another one
        page: web.StreamResponse = await super().handle_index(request)
        page.set_cookie(COOKIE, self.key, httponly=True, samesite="Strict")
        return page

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        self._admit(request)
        return await super().handle_websocket(request)

    async def handle_download(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        return await super().handle_download(request)

    def _admit(self, request: web.Request) -> None:
        self._refuse_strangers(request)
        if not secrets.compare_digest(request.cookies.get(COOKIE, ""), self.key):
            raise web.HTTPForbidden(text="No key.")

    def _refuse_strangers(self, request: web.Request) -> None:
        origin = request.headers.get("Origin", f"http://{request.host}")
        if request.host.rpartition(":")[0] not in NAMES or origin != f"http://{request.host}":
            raise web.HTTPForbidden(text="Only for pages of this machine.")


def serve(arguments: Sequence[str], port: int) -> None:
    """Serve `st5 ARGUMENTS` until Ctrl-C; `BadInput` where the port is taken."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError as error:
            raise BadInput(
                f"--port {port}: {error.strerror}. Choose another, for example --port {port + 1}."
            ) from error
        port = trial.getsockname()[1]
    WebServer(arguments, port).serve()
