"""A backbone from a hub: its data is downloaded, and neither its code nor its pickles are."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

COMMIT = "0" * 40


@pytest.fixture
def hub(tiny_roberta: Path, tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """The address of a server that speaks as the hub does, the folder of its one model, and the files asked for."""
    folder, asked = tmp_path / "model", []
    shutil.copytree(tiny_roberta, folder)
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'RAN')!r}, 'w')\nclass Evil:\n    pass\n")
    (folder / "pytorch_model.bin").write_bytes(b"pickled")

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            path = self.path.split("?")[0]
            content = b""
            if path.startswith("/api/models/me/tiny"):
                files = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
                about = {"id": "me/tiny", "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
                tree = [
                    {"type": "file", "path": name, "size": file.stat().st_size, "oid": COMMIT}
                    for name, file in files.items()
                ]
                content = json.dumps(tree if "/tree/" in path else about).encode()
            elif path.startswith("/me/tiny/resolve/"):
                name = path.split("/", 5)[5]
                asked.append(name)
                content = (folder / name).read_bytes() if (folder / name).is_file() else b""
            self.send_response(200 if content else 404)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", folder, asked
    server.shutdown()
    server.server_close()


def train_only(address: str, tmp_path: Path, backbone: str, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0", **environment}
    return subprocess.run(
        [sys.executable, "-c", "from engine.commands import main; main()", "train", "only", "--backbone", backbone,
         "--name", "m", "--workspace", str(tmp_path / "w")],
        env={**os.environ, **settings}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_data_is_downloaded_and_nothing_else(hub: tuple[str, Path, list[str]], tmp_path: Path) -> None:
    address, _, asked = hub
    made = train_only(address, tmp_path, "me/tiny")
    assert made.returncode == 0, made.stderr
    assert "m: me/tiny, 64 tokens" in made.stderr
    assert "model.safetensors" in asked
    assert {Path(name).suffix for name in asked} <= {".json", ".safetensors", ".txt", ".model"}
    assert not list((tmp_path / "cache").rglob("*.py")) + list((tmp_path / "cache").rglob("*.bin"))


def test_code_of_a_hub_is_refused(hub: tuple[str, Path, list[str]], tmp_path: Path) -> None:
    address, folder, _ = hub
    lines = json.loads((folder / "modules.json").read_text())
    lines[0]["type"] = "evil.Evil"
    (folder / "modules.json").write_text(json.dumps(lines))
    refused = train_only(address, tmp_path, "me/tiny")
    assert refused.returncode == 2
    assert 'Backbone me/tiny: modules.json names the class "evil.Evil"' in refused.stderr
    assert not (tmp_path / "RAN").exists()


def test_a_name_that_the_hub_lacks(hub: tuple[str, Path, list[str]], tmp_path: Path) -> None:
    refused = train_only(hub[0], tmp_path, "me/other")
    assert refused.returncode == 2
    assert 'Backbone "me/other" is no folder here, and cannot be had from the hub' in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_hub_that_cannot_be_reached(tmp_path: Path) -> None:
    refused = train_only("http://127.0.0.1:9", tmp_path, "me/tiny", HF_HUB_OFFLINE="1")
    assert refused.returncode == 2
    assert "cannot be had from the hub" in refused.stderr
