"""The workbench in a browser: served on the loopback, and only to those who have the key in its address."""

from __future__ import annotations

import asyncio
import secrets
import shlex
import socket
import sys
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server, to_int

from store.errors import BadInput
from store.python_command import python_command

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")  # any other name that leads here was given by a DNS server, perhaps a hostile one
COOKIE = "st5"
HEARTBEAT_S = 15.0  # a browser that does not answer within half of it has gone; as textual-serve has it
# What a page may load: nothing from another host, whatever its scripts would like to.
POLICY = (
    "default-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; connect-src 'self' ws://{host}; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class Page(AppService):
    """The process behind one page."""

    async def stop(self) -> None:
        """Let the workbench quit, and wait until its process has ended: an event loop that closes first complains."""
        await super().stop()
        if self._process is not None:  # textual-serve has no public name for it
            await self._process.wait()


class WebServer(Server):
    """Each page in a browser is a workbench of its own; what they share is in the workspace.

    Every account of a machine and every page of a browser can reach the loopback. So the address holds a key, which the
    page keeps as a cookie for all other requests, and a request from another page or by another host name is refused.
    """

    def __init__(self, arguments: Sequence[str], port: int) -> None:
        command = shlex.join(python_command("engine", *arguments))
        super().__init__(command, host=HOST, port=port, title="st5")
        self.key = secrets.token_urlsafe(24)
        self._pages: set[asyncio.Future[None]] = set()

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
        application.on_shutdown.append(self.on_shutdown)
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
        websocket = web.WebSocketResponse(heartbeat=HEARTBEAT_S)
        await websocket.prepare(request)

        async def closed() -> None:
            await websocket.close()

        page = Page(
            self.command,
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=closed,
            download_manager=self.download_manager,
        )
        width, height = (to_int(request.query.get(name, ""), size) for name, size in (("width", 80), ("height", 24)))
        await page.start(width, height)
        talk = asyncio.ensure_future(self._process_messages(websocket, page))
        self._pages.add(talk)
        try:
            await talk
        except (asyncio.CancelledError, ConnectionError):  # st5 --web ends, or the browser has gone
            pass
        finally:
            self._pages.discard(talk)
            await page.stop()
            await closed()
        return websocket

    async def on_shutdown(self, app: web.Application) -> None:
        """Close every page before the server ends."""
        for talk in self._pages:
            talk.cancel()

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
