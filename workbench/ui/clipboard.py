"""Copying over SSH: the terminal is asked to take the text (OSC 52), or a file takes what is too long for it."""

from __future__ import annotations

import os
import tempfile

# Terminals take control sequences of up to 100,000 bytes; base64 makes 4 bytes of 3, and 8 frame it.
CLIPBOARD_BYTES = 74_994


def fits(text: str) -> bool:
    """Whether a text is short enough for the terminal's clipboard."""
    return len(text.encode()) <= CLIPBOARD_BYTES


def to_file(text: str) -> str:
    """Write the text to a new file that only its owner can read; returns its path."""
    handle, path = tempfile.mkstemp(prefix="st5-copy-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return path
