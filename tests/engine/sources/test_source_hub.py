"""Files by domain: from a folder laid out like the hub, from a server that speaks as the hub does, and from nowhere."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.sources import hub
from store.errors import BadInput, Failed

FILES = {
    "raw/review_categories/All_Beauty.jsonl": (
        '{"user_id": "u", "parent_asin": "p", "rating": 5.0, "timestamp": 1500000007000}\n'
    ),
    "raw/meta_categories/meta_All_Beauty.jsonl": '{"parent_asin": "p", "title": "Soap", "categories": []}\n',
    "benchmark/0core/timestamp_w_his/All_Beauty.train.csv": "u,p,5.0,1500000007000,\n",
    "benchmark/0core/timestamp_w_his/All_Beauty.valid.csv": "u,q,4.0,1500000008000,p\n",
    "benchmark/0core/timestamp_w_his/All_Beauty.test.csv": "u,r,3.0,1500000009000,p q\n",
}


@pytest.fixture
def laid_out(tmp_path: Path) -> Path:
    root = tmp_path / "mirror"
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def test_a_folder_is_read_in_place(laid_out: Path, tmp_path: Path) -> None:
    files = hub.fetch("All_Beauty", "raw", tmp_path / "unused", laid_out)
    assert files.reviews == laid_out / "raw/review_categories/All_Beauty.jsonl"
    assert files.train is None
    assert not (tmp_path / "unused").exists()
    raw = hub.read("All_Beauty", "raw", tmp_path / "unused", laid_out)
    assert raw.interactions.collect().rows() == [("u", "p", 1_500_000_007_000, 5.0)]
    benchmark = hub.read("All_Beauty", "benchmark", tmp_path / "unused", str(laid_out))
    assert benchmark.given_split
    assert benchmark.interactions.collect()["history"].to_list() == [[], ["p"], ["p", "q"]]
    assert benchmark.items.collect()["category"].to_list() == ["All_Beauty"]


def test_a_domain_that_the_folder_lacks_offers_those_it_has(laid_out: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r'No domain "All_Beuty". Did you mean All_Beauty'):
        hub.fetch("All_Beuty", "raw", tmp_path, laid_out)
    with pytest.raises(BadInput, match=r"no such folder"):
        hub.fetch("All_Beauty", "raw", tmp_path, tmp_path / "absent")


def test_a_domain_that_the_dataset_lacks_is_refused_before_any_download(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r'No domain "Beauty_2014"'):
        hub.fetch("Beauty_2014", "raw", tmp_path, endpoint="http://127.0.0.1:9")


class _Hub(BaseHTTPRequestHandler):
    """The part of the hub's protocol that a download uses: a commit, an entity tag and a size per file."""

    requests = 0

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        type(self).requests += 1
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        name = self.path.split("/resolve/main/")[-1].split("?")[0]
        content = FILES.get(name, "").encode()
        self.send_response(200 if content else 404)
        if content:
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        else:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    pytest.importorskip("huggingface_hub")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def test_files_are_downloaded_once_and_read(endpoint: str, tmp_path: Path) -> None:
    _Hub.requests = 0
    raw = hub.read("All_Beauty", "benchmark", tmp_path, endpoint=endpoint)
    assert raw.interactions.collect()["item"].to_list() == ["p", "q", "r"]
    assert (tmp_path / "benchmark/0core/timestamp_w_his/All_Beauty.test.csv").is_file()
    assert _Hub.requests == 4
    hub.fetch("All_Beauty", "benchmark", tmp_path, endpoint=endpoint)
    assert _Hub.requests == 4


def test_a_file_that_the_hub_lacks(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"has no file .*Software.* --reviews FILE --meta FILE instead of --from-hub"):
        hub.fetch("Software", "raw", tmp_path, endpoint=endpoint)


def test_a_hub_that_cannot_be_reached_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the client's own switch for "no network": without it, it tries again for 20 seconds
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(Failed, match=r"cannot be reached .*--train FILE --valid FILE --test FILE --meta FILE"):
        hub.fetch("All_Beauty", "benchmark", tmp_path, endpoint="http://127.0.0.1:9")
