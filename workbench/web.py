"""The workbench in a browser: served on the loopback, and only to those who have the key in its address."""

from __future__ import annotations

import secrets
import shlex
import socket
import sys
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from aiohttp import web
from textual_serve.server import Server

from store.errors import BadInput

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")  # any other name that leads here was given by a DNS server, perhaps a hostile one
COOKIE = "st5"
# What a page may load: nothing from another host, whatever its scripts would like to.
POLICY = (
    "default-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; connect-src 'self' ws://{host}; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class WebServer(Server):
    """Each page in a browser is a workbench of its own; what they share is in the workspace.

    Every account of a machine and every page of a browser can reach the loopback. So the address holds a key, which the
    page keeps as a cookie for all other requests, and a request from another page or by another host name is refused.
    """

    def __init__(self, arguments: Sequence[str], port: int) -> None:
        command = shlex.join([sys.executable, "-P", "-m", "engine", *arguments])
        super().__init__(command, host=HOST, port=port, title="st5")
        self.key = secrets.token_urlsafe(24)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.port}/?key={self.key}"

    def application(self) -> web.Application:
        """What answers the requests."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/", self.handle_index),
                web.get("/ws", self.handle_websocket),
                web.get("/download/{key}", self.handle_download),
                web.static("/static", self.statics_path),
            ]
        )
        return application

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        self._refuse_strangers(request)
        if not self._is_key(request.query.get("key", "")):
            raise web.HTTPForbidden(text="Open the address that st5 --web printed: it ends in a key.")
        page = files("workbench").joinpath("web.html").read_text(encoding="utf-8")
        websocket = f"ws://{request.host}/ws"  # through an SSH tunnel the port may be a different one
        answer = web.Response(
            text=page.replace("WEBSOCKET", escape(websocket)),
            content_type="text/html",
            headers={"Content-Security-Policy": POLICY.format(host=request.host), "Referrer-Policy": "no-referrer"},
        )
        answer.set_cookie(COOKIE, self.key, httponly=True, samesite="Strict")
        return answer

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        self._admit(request)
        return await super().handle_websocket(request)

    async def handle_download(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        return await super().handle_download(request)

    def _admit(self, request: web.Request) -> None:
        self._refuse_strangers(request)
        if not self._is_key(request.cookies.get(COOKIE, "")):
            raise web.HTTPForbidden(text="No key.")

    def _is_key(self, given: str) -> bool:
        # As bytes: `compare_digest` takes no text outside ASCII, and bytes that are not UTF-8 come as lone surrogates.
        return secrets.compare_digest(given.encode(errors="backslashreplace"), self.key.encode())

    def _refuse_strangers(self, request: web.Request) -> None:
        origin = request.headers.get("Origin", f"http://{request.host}")
        if request.host.rpartition(":")[0] not in NAMES or origin != f"http://{request.host}":
            raise web.HTTPForbidden(text="Only for pages of this machine.")


def serve(arguments: Sequence[str], port: int) -> None:
    """Serve `st5 ARGUMENTS` until Ctrl+C; `BadInput` if the port is taken.

    Prints the address on stderr once a browser can connect to it.
    """
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
            listening.listen()
        except OSError as error:
            raise BadInput(f"--port {port}: {error.strerror}. Choose another, or --port 0 for any free one.") from error
        server = WebServer(arguments, listening.getsockname()[1])
        print(f"Open {server.address}\nCtrl+C ends it.", file=sys.stderr, flush=True)
        web.run_app(server.application(), sock=listening, print=None)
