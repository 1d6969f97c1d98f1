"""The program within this process: the same door as the command line, without starting Python and torch anew."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engine.commands import main


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


class Program:
    """`Program(folder)("results", "--json")` is `ST5_WORKSPACE=folder st5 results --json`."""

    def __init__(self, workspace: Path, columns: int = 200) -> None:
        self.workspace = workspace
        self.columns = columns  # of the terminal

    def __call__(self, *arguments: str | Path) -> Outcome:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        settings = {"ST5_WORKSPACE": str(self.workspace), "COLUMNS": str(self.columns), "NO_COLOR": "1"}
        code: int | str | None = 0
        with (
            patch.dict(os.environ, settings),
            patch.object(sys, "argv", ["st5", *map(str, arguments)]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as end:
                code = end.code
        texts = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
        return Outcome(int(code or 0), *texts)


def refusal(outcome: Outcome) -> str:
    """The one message of a command that stopped at a person's mistake or a fault: never a traceback, never data."""
    assert outcome.code in (1, 2), outcome
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    messages = [line for line in outcome.err.splitlines() if line.startswith("st5: ")]
    assert len(messages) == 1, outcome.err
    return messages[0]
