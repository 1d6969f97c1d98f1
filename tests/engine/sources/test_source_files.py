"""Files that are damaged, misnamed or of another kind: one clear BadInput, whichever reader meets them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sources import table
from engine.sources.blocks import read_blocks
from engine.sources.spill_buffer import SpillBuffer
from store.errors import BadInput

EVENTS = "user_id,item_id,timestamp\nu1,i1,1600000000000\nu1,i2,1600000000001\n"
ITEMS = "item_id,title\ni1,One\ni2,Two\n"


@pytest.fixture
def items(tmp_path: Path) -> Path:
    path = tmp_path / "items.csv"
    path.write_text(ITEMS)
    return path


def refusal(events: Path, items: Path) -> str:
    with pytest.raises(BadInput) as error:
        table.read(events, items)
    return str(error.value)


def test_a_missing_file_names_the_nearest(tmp_path: Path, items: Path) -> None:
    (tmp_path / "events.csv").write_text(EVENTS)
    message = refusal(tmp_path / "event.csv", items)
    assert "event.csv: no such file. Did you mean" in message
    assert "events.csv" in message


def test_a_folder_is_not_a_file(tmp_path: Path, items: Path) -> None:
    assert "is a folder, not a file" in refusal(tmp_path, items)


def test_an_empty_file(tmp_path: Path, items: Path) -> None:
    path = tmp_path / "events.csv"
    for content in (b"", gzip.compress(b"")):
        path.write_bytes(content)
        assert "events.csv: is empty" in refusal(path, items)


def test_blank_lines_only(tmp_path: Path, items: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"\n \n\n")
    assert "nothing but blank lines" in refusal(path, items)


def test_a_header_without_rows(tmp_path: Path, items: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(EVENTS.splitlines()[0])
    assert "events.csv: holds a header and no rows" in refusal(path, items)


def test_a_gzip_file_that_is_cut_off_names_the_line_reached(tmp_path: Path, items: Path) -> None:
    lines = "".join(f"user{i * 7919 % 10007},item{i * 31 % 1009},{1600000000000 + i}\n" for i in range(100_000))
    whole = gzip.compress((EVENTS + lines).encode())
    path = tmp_path / "events.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    message = refusal(path, items)
    assert "the gzip file is cut off (after line " in message
    assert 20_000 < int(message.split("after line ")[1].split(")")[0]) < 80_000
    path.write_bytes(whole[:20])
    assert "cut off" in refusal(path, items)


def test_a_gzip_file_that_is_damaged(tmp_path: Path, items: Path) -> None:
    whole = bytearray(gzip.compress(EVENTS.encode() * 50))
    whole[-6] ^= 0xFF
    path = tmp_path / "events.csv.gz"
    path.write_bytes(bytes(whole))
    assert "the gzip file is damaged" in refusal(path, items)


def test_gzip_is_told_by_its_bytes_and_not_by_its_name(tmp_path: Path, items: Path) -> None:
    plain_named_gz, gz_named_plain = tmp_path / "a.csv.gz", tmp_path / "b.csv"
    plain_named_gz.write_text(EVENTS)
    gz_named_plain.write_bytes(gzip.compress(EVENTS.encode()))
    first = table.read(plain_named_gz, items).interactions.collect()
    assert first.equals(table.read(gz_named_plain, items).interactions.collect())
    assert first["item"].to_list() == ["i1", "i2"]


def tar(*, old: bool = False) -> bytes:
    """An archive with one file, with the magic of today's tars or without one as before 1988."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("events.csv")
        member.size = len(EVENTS)
        archive.addfile(member, io.BytesIO(EVENTS.encode()))
    data = bytearray(packed.getvalue())
    if old:
        data[257:265] = bytes(8)
        data[148:156] = b" " * 8
        data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
PAGE = b"<html><head><title>Sign in</title></head><body>Sign in</body></html>\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "a zip archive"),
        (b"PK\x05\x06" + bytes(18), "an empty zip archive"),
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"\x28\xb5\x2f\xfdrest", "zstd"),
        (b"\x80\x04\x95rest", "a pickle"),
        (tar(), "a tar archive. Unpack it with tar -xf"),
        (tar(old=True), "a tar archive"),
        (bytes(10_240), "nothing but NUL bytes"),
        (POINTER, "a Git LFS pointer, not the data. Run `git lfs pull`"),
        (b"../../.git/annex/objects/x/y/MD5E-s1--0.csv\n", "git annex get"),
        (PAGE, "a web page (HTML), not the data"),
        (b"\n  <!DOCTYPE html>\n" + PAGE, "a web page (HTML)"),
        (b"<!-- viewer -->\n" + PAGE, "a web page (HTML)"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document"),
        (b'{"message": "Not Found", "documentation_url": "https://x", "status": "404"}', 'server ("Not Found")'),
        (b'{"error": "Repository not found"}\n', 'server ("Repository not found")'),
        (EVENTS.encode("utf-16"), "UTF-16"),
    ],
)
@pytest.mark.parametrize("name", ["events.csv", "events.jsonl", "events.parquet", "events.csv.gz"])
def test_another_kind_of_file_is_named_with_the_next_step(
    tmp_path: Path, items: Path, content: bytes, words: str, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    if name.endswith(".parquet") and words == "UTF-16":
        words = "is no Parquet file"
    message = refusal(path, items)
    assert f"{path}" in message
    assert words in message
    assert "tr -d" not in message


def test_an_item_that_speaks_of_errors_is_data(tmp_path: Path) -> None:
    events, items = tmp_path / "events.jsonl", tmp_path / "items.jsonl"
    events.write_text('{"user_id": "u", "item_id": "i", "timestamp": 1600000000}\n')
    items.write_text('{"item_id": "i", "title": "404", "message": "Not Found", "error": "none"}\n')
    assert table.read(events, items).items.collect()["title"].to_list() == ["404"]


def test_nul_bytes_name_their_line(tmp_path: Path, items: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(EVENTS.encode() + b"u2,i\x001,5\n")
    assert "events.csv line 4: NUL byte" in refusal(path, items)
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"user_id": "u", "item_id": "i"}\n{"user_id": "u\x00"}\n')
    assert "events.jsonl line 2: NUL byte" in refusal(path, items)


def test_text_that_is_not_utf_8_names_its_line(tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text(EVENTS)
    items = tmp_path / "items.csv"
    items.write_bytes("item_id,title\ni1,One\ni2,Café\n".encode("latin-1"))
    message = refusal(events, items)
    assert "items.csv line 3: not UTF-8" in message
    assert "iconv" in message
    items = tmp_path / "items.jsonl"
    lines = [json.dumps({"item_id": "i1", "title": "Café"}, ensure_ascii=False)] * 2
    items.write_bytes("\n".join(lines).encode("latin-1"))
    assert "items.jsonl line 1: not UTF-8" in refusal(events, items)


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path, items: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"\xef\xbb\xbf" + EVENTS.encode())
    assert table.read(path, items).interactions.collect().height == 2


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"-").replace(b"\0", b"-")), max_size=30),
    block_bytes=st.integers(1, 50),
)
def test_blocks_join_to_the_file_and_know_their_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], block_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("blocks") / "lines"
    path.write_bytes(b"start\n" + b"\n".join(lines))
    blocks = list(read_blocks(path, block_bytes=block_bytes))
    assert b"".join(block.data for block in blocks) == path.read_bytes()
    assert all(block.data.endswith(b"\n") for block in blocks[:-1])
    seen = 1
    for block in blocks:
        assert block.first_line == seen
        seen += block.data.count(b"\n")


def test_a_quoted_line_end_does_not_end_a_block(tmp_path: Path) -> None:
    path = tmp_path / "quoted.csv"
    path.write_bytes(b'a,"x\ny\nz"\nb,c\n')
    blocks = [block.data for block in read_blocks(path, quoted=True, block_bytes=6)]
    assert blocks == [b'a,"x\ny\nz"\n', b"b,c\n"]


def test_a_pile_that_spills_holds_the_same_rows_in_the_same_order() -> None:
    import polars as pl

    frames = [pl.DataFrame({"n": list(range(start, start + 100))}) for start in range(0, 1000, 100)]
    small, large = SpillBuffer({"n": pl.Int64()}, spill_bytes=2000), SpillBuffer({"n": pl.Int64()})
    for frame in frames:
        small.add(frame)
        large.add(frame)
    assert small.lazy().collect()["n"].to_list() == list(range(1000))
    assert small.lazy().collect().equals(large.lazy().collect())
