"""Processes that take turns: what is compared meets the same machine, each side in memory of its own.

A side does one turn of work to warm up, says so, and does another for each line that it is sent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Taken:
    """What a side's turns came to, the one to warm up left out.

    seconds: of wall time. peak_gb, resident_gb: the most memory of its process (of the accelerator where there is one),
    and what it had before the first turn. done: what the side counted, summed.
    """

    seconds: float
    peak_gb: float
    resident_gb: float
    done: Mapping[str, float]

    def rate(self, what: str) -> float:
        """So many a second."""
        return self.done[what] / self.seconds


def alternate(sides: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Taken]:
    """Run the modules with these arguments (`python -m …`) as processes, and give each a turn in every round."""
    # The first as the program itself sets it: idle threads of the side that waits must not take cores from the other.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"} | dict(os.environ)
    said: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    running: dict[str, subprocess.Popen[str]] = {}
    try:
        for name, arguments in sides.items():
            running[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments], cwd=HERE, env=environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
            _answer(name, running[name])
        for turn in range(rounds):
            for name in list(sides)[:: 1 if turn % 2 == 0 else -1]:
                said[name].append(_answer(name, running[name], "\n"))
    finally:
        for process in running.values():
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
        for process in running.values():
            process.wait()
    return {name: _summed(answers) for name, answers in said.items()}


def _answer(name: str, process: subprocess.Popen[str], sent: str = "") -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    if sent:
        process.stdin.write(sent)
        process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"benchmark: the side «{name}» ended with exit code {process.wait()}; see above.")
    return dict(json.loads(line))


def _summed(answers: list[dict[str, Any]]) -> Taken:
    counts = [answer["done"] for answer in answers]
    return Taken(
        sum(answer["seconds"] for answer in answers),
        max(answer["peak_gb"] for answer in answers),
        answers[0]["resident_gb"],
        {what: sum(count[what] for count in counts) for what in counts[0]},
    )


class Turns:
    """A side's end: made where the first turn begins, asked for the next one where a turn ends."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)  # libraries print
        self._resident = _memory_gb(device, "VmRSS")
        self._started = time.perf_counter()

    def next(self, done: Mapping[str, float]) -> bool:
        """Say what the turn came to and wait for the next one; False where there is none."""
        _finish(self._device)
        seconds = time.perf_counter() - self._started
        said = {
            "seconds": seconds,
            "peak_gb": _memory_gb(self._device, "VmHWM"),
            "resident_gb": self._resident,
            "done": dict(done),
        }
        print(json.dumps(said), file=self._answers, flush=True)
        granted = bool(sys.stdin.readline())
        self._started = time.perf_counter()
        return granted


def _finish(device: Any) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _memory_gb(device: Any, kind: str) -> float:
    import torch

    if device.type == "cuda":
        taken = torch.cuda.max_memory_allocated if kind == "VmHWM" else torch.cuda.memory_allocated
        return taken(device) / 1e9
    try:
        # Not getrusage: there a process begins with the peak of the one that started it.
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(kind)) * 1024 / 1e9
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9  # macOS counts bytes
