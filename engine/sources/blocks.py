"""Files as blocks of whole lines: bounded memory for any size, plain or gzip, with line numbers for messages."""

from __future__ import annotations

import difflib
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from engine.sources.foreign import foreign
from store.errors import BadInput

BLOCK_BYTES = 16 << 20  # parses as fast as larger blocks on a few cores, and a block of JSON costs about 6 × its size
LONGEST_RECORD_BLOCKS = 8  # a record that spans more blocks is a quote that was never closed
PIECE_BYTES = 1 << 18  # read at once; where gzip fails, the line named is right to within one piece
LONGEST_QUOTED = 4 << 20  # bytes of a quoted field of several lines; a quote open for longer is a stray one
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Block:
    """Whole lines of a file, UTF-8 where the file is; `first_line` counts from 1."""

    data: bytes
    first_line: int

    def line_at(self, offset: int) -> int:
        """The line number of the byte at `offset` in the block."""
        return self.first_line + self.data.count(b"\n", 0, offset)


def existing(path: Path) -> Path:
    """`path`, if it is a file; otherwise BadInput, with files of a similar name beside it."""
    try:
        if path.is_file():
            return path
        if path.is_dir():
            raise BadInput(f"{path}: is a folder, not a file. Pass the file itself.")
        beside = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
    except OSError as error:
        raise BadInput(f"{path}: cannot be opened ({error.strerror}). Check the path and its permissions.") from None
    near = difflib.get_close_matches(path.name, beside, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(str(path.parent / name) for name in near)}?" if near else "Check the path."
    raise BadInput(f"{path}: no such file. {hint}")


def first_bytes(path: Path, count: int = 16) -> bytes:
    """The file's first `count` bytes, decompressed where the file is gzip, whatever its name says."""
    with _opened(existing(path)) as stream:
        return _next(stream, path, count, 1)


def first_line(path: Path) -> str:
    """The first line that is not blank, without its end; BadInput if there is none or it is no UTF-8."""
    return first_lines(path)[0]


def first_lines(path: Path) -> tuple[str, str]:
    """The first two lines that are not blank, without their ends; the second is empty if it is missing.

    Raises BadInput if all lines are blank, or if one of the two is not UTF-8.
    """
    found: list[str] = []
    for block in read_blocks(path, block_bytes=1 << 16):
        for number, line in enumerate(block.data.splitlines(), start=block.first_line):
            if line.strip():
                try:
                    found.append(line.decode())
                except UnicodeDecodeError:
                    if found:  # the reader that comes to it says so
                        return found[0], ""
                    raise wrong_encoding(path, number) from None
                if len(found) == 2:
                    return found[0], found[1]
    if not found:
        raise BadInput(f"{path}: holds nothing but blank lines. Check that the download or export finished.")
    return found[0], ""


def read_blocks(path: Path, *, quoted: bool = False, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """The file in blocks of about `block_bytes`, each ending with a line; the last line may lack its end.

    `quoted`: a line end between double quotes does not end a record, so a block is not cut there. Where all line ends
    are CR they become LF. Gzip is told by its first bytes. Raises BadInput for a file that is missing, empty,
    damaged, of another kind, UTF-16, or holds NUL bytes.
    """
    line = 1
    rest = b""
    old_mac = False
    with _opened(existing(path)) as stream:
        while True:
            chunk = _next(stream, path, block_bytes, line + rest.count(b"\n") if rest else line)
            ended = len(chunk) < block_bytes
            if line == 1 and not rest:
                _refuse_foreign(path, chunk, ended)
                chunk = chunk.removeprefix(BYTE_ORDER_MARK)
                old_mac = b"\n" not in chunk and b"\r" in (chunk if ended else chunk[:-1])
            if old_mac:
                chunk = chunk.replace(b"\r", b"\n")
            data = rest + chunk if rest else chunk
            end = len(data) if ended else _last_cut(data, quoted)
            if end == 0 and len(data) > LONGEST_RECORD_BLOCKS * max(block_bytes, BLOCK_BYTES):
                raise BadInput(
                    f"{path} line {line}: a line or a quoted field here is longer than "
                    f"{len(data) >> 20} MiB. Close the double quote that was opened in this line."
                )
            if end:
                block = Block(data[:end], line)
                nul = block.data.find(b"\0")
                if nul >= 0:
                    raise BadInput(
                        f"{path} line {block.line_at(nul)}: NUL byte. The file is damaged or no UTF-8 text; "
                        "download it again, or remove the bytes with `tr -d '\\000'`."
                    )
                yield block
                line += block.data.count(b"\n")
            rest = data[end:]
            if ended:
                return


def wrong_encoding(path: Path, line: int) -> BadInput:
    """The error for bytes that are no UTF-8."""
    return BadInput(
        f"{path} line {line}: not UTF-8. Convert the file, for example with "
        f"`iconv -f LATIN1 -t UTF-8 {path.name} > utf8-{path.name}`."
    )


def check_encoding(path: Path, block: Block) -> None:
    """Raise BadInput naming the first line of `block` that is no UTF-8, if there is one."""
    try:
        block.data.decode()
    except UnicodeDecodeError as error:
        raise wrong_encoding(path, block.line_at(error.start)) from None


def _opened(path: Path) -> IO[bytes]:
    try:
        with path.open("rb") as plain:
            compressed = plain.read(2) == GZIP
        return gzip.open(path, "rb") if compressed else path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise BadInput(f"{path}: cannot be opened ({error.strerror}). Check the path and its permissions.") from None


def _next(stream: IO[bytes], path: Path, count: int, line: int) -> bytes:
    """Up to `count` bytes; fewer only at the end. `line` is where they start."""
    pieces = []
    missing = count
    while missing:
        piece = _piece(stream, path, min(missing, PIECE_BYTES), line)
        if not piece:
            break
        pieces.append(piece)
        missing -= len(piece)
        line += piece.count(b"\n")
    return b"".join(pieces)


def _piece(stream: IO[bytes], path: Path, count: int, line: int) -> bytes:
    try:
        return stream.read(count)
    except EOFError:
        raise BadInput(
            f"{path}: the gzip file is cut off (after line {line}). Download it again; `gzip -t` checks it."
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(
            f"{path}: the gzip file is damaged (after line {line}: {error}). Download it again; `gzip -t` checks it."
        ) from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read (after line {line}: {error}). Check the disk and the file.") from None


def _refuse_foreign(path: Path, data: bytes, whole: bool) -> None:
    if not data:
        raise BadInput(f"{path}: is empty. Check that the download or export finished.")
    if data.startswith(UTF_16_MARKS):
        raise BadInput(f"{path} line 1: UTF-16 text. Convert it with `iconv -f UTF-16 -t UTF-8`.")
    found = foreign(data, whole)
    if found is not None:
        raise BadInput(f"{path}: is {found[0]}. {found[1]}")


def _last_cut(data: bytes, quoted: bool) -> int:
    """The offset just after the last line end at which no quote is open, 0 if missing."""
    last = end = data.rfind(b"\n") + 1
    if not quoted:
        return end
    quotes = data.count(b'"', 0, end)
    while end and quotes % 2:
        if last - end > LONGEST_QUOTED:
            return last
        earlier = data.rfind(b"\n", 0, end - 1) + 1
        quotes -= data.count(b'"', earlier, end)
        end = earlier
    return end
