"""Files that are something else than data, told by their first bytes: what they are, and what to do."""

from __future__ import annotations

import json
import re

TAR_AT = 257  # where a tar header has its magic
TAR_HEADER = 512
LONGEST_MESSAGE = 1 << 16  # bytes of a server's error
ERROR_KEYS = frozenset(
    (
        "error",
        "errors",
        "message",
        "msg",
        "detail",
        "details",
        "description",
        "status",
        "statusCode",
        "status_code",
        "code",
        "success",
        "reason",
        "type",
        "title",
        "timestamp",
        "path",
        "request_id",
        "requestId",
        "documentation_url",
        "error_description",
        "instance",
    )
)
SAYING = ("message", "error", "error_description", "detail", "msg", "errors", "title")
MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x05\x06", "an empty zip archive", "Download it again."),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "Unpack it with unzip, or save the sheet as CSV."),
    (b"BZh", "compressed with bzip2", "Run bunzip2 on it first."),
    (b"\xfd7zXZ", "compressed with xz", "Run unxz on it first."),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Run unzstd on it first."),
    (b"\x04\x22\x4d\x18", "compressed with lz4", "Run unlz4 on it first."),
    (b"\x1f\x9d", "compressed with compress (.Z)", "Run uncompress on it first."),
    (b"\x1f\x8b", "compressed with gzip twice", "Run gunzip on it first."),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it first."),
    (b"Rar!", "a rar archive", "Unpack it first."),
    (b"SQLite format 3", "an SQLite database", "Export the table as CSV first."),
    (b"PAR1", "a Parquet file", "`st5 ingest table` reads it, unpacked."),
    (b"ARROW1", "an Arrow (Feather) file", "Write it as Parquet or CSV first."),
    (b"Obj\x01", "an Avro file", "Write it as Parquet or CSV first."),
    (b"\x89HDF", "an HDF5 file", "Write the table as Parquet or CSV first."),
    (b"\x93NUMPY", "a numpy file", "Write the table as Parquet or CSV first."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save the sheet as CSV first."),
    (b"%PDF", "a PDF document", "Pass the data file instead."),
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer, not the data", "Run `git lfs pull` beside it."),
)
PICKLE = re.compile(rb"\x80[\x02-\x05](?:[\x95\x8a\x8c\x63\x7d\x5d\x28\x71]|\}q|\]q)")
ANNEX = re.compile(rb"^\.{0,2}/?(?:\.\./)*(?:\.git/)?annex/objects/")
WEB_PAGE = re.compile(rb"^(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|script|meta|title)\b", re.I | re.S)
XML = re.compile(rb"^<\?xml\b", re.I)


def foreign(head: bytes, whole: bool = False) -> tuple[str, str] | None:
    """What the file is and the next step, or None for what may be data. `whole`: `head` is the complete file."""
    for magic, kind, step in MAGIC:
        if head.startswith(magic):
            return kind, step
    if PICKLE.match(head):
        return "a pickle, which could run code", "Write the table as Parquet or CSV first."
    if _is_tar(head):
        return "a tar archive", "Unpack it with tar -xf, and pass the file from inside."
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if ANNEX.match(start):
        return "a git-annex pointer, not the data", "Run `git annex get` on it."
    if WEB_PAGE.match(start):
        return "a web page (HTML), not the data", "Sign in or accept the terms there, and download the file itself."
    if XML.match(start):
        if b"<html" in start[:2000].lower():
            return "a web page (HTML), not the data", "Sign in or accept the terms there, and download the file itself."
        return "an XML document, maybe an error of the server", "Download the file itself, or convert it to CSV."
    if whole and head and not head.strip(b"\0"):
        return "an empty archive, or nothing but NUL bytes", "Its download or copy did not finish: repeat it."
    said = _server_error(start) if whole else None
    if said is not None:
        return f'an error message of a server ("{said}"), not the data', "Check the address, and download it again."
    return None


def _is_tar(head: bytes) -> bool:
    if head[TAR_AT : TAR_AT + 5] == b"ustar":
        return True
    if len(head) < TAR_HEADER or not head[0]:
        return False
    written = head[148:156].strip(b" \0")  # tars before 1988 have the sum of the header's bytes and nothing else
    if not re.fullmatch(rb"[0-7]{3,7}", written):
        return False
    return int(written, 8) == sum(head[:148]) + 8 * ord(" ") + sum(head[156:TAR_HEADER])


def _server_error(text: bytes) -> str | None:
    """What a JSON object says that has nothing but an error in it."""
    if not text.startswith(b"{") or len(text) > LONGEST_MESSAGE:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not value or not set(value) <= ERROR_KEYS or not set(value) & set(SAYING):
        return None
    return str(next(value[name] for name in SAYING if name in value))[:120]
