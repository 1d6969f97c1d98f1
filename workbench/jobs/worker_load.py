"""What a job takes of its machine at this moment: processors and memory of its processes, and its accelerator."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from store.enums import JobState
from store.rows import Job
from workbench.ui.numbers import counted, size

if TYPE_CHECKING:
    import psutil

    from engine.accelerators import CardLoad

NOT_KNOWN = "n/a"


@dataclass(frozen=True)
class WorkerLoad:
    """`busy` of the machine's `cores`, None at the first look; `memory` in bytes; None if unknown."""

    busy: float | None = None
    cores: int = 0
    memory: int | None = None
    processes: int = 0
    card: CardLoad | None = None


class LoadMeter:
    """Looks at the processes of one job at a time; how busy they keep the cores is known from the second look on."""

    def __init__(self) -> None:
        self._worker: psutil.Process | None = None
        self._known: dict[int, psutil.Process] = {}

    def look(self, job: Job) -> WorkerLoad | None:
        """What the job takes now; None where it does not run."""
        import psutil

        if job.state is not JobState.RUNNING:
            return None
        if job.pid is None or job.host not in ("", socket.gethostname()):
            return WorkerLoad()
        try:
            if self._worker is None or self._worker.pid != job.pid:
                self._worker, self._known = psutil.Process(job.pid), {}
            found = [self._worker, *self._worker.children(recursive=True)]
        except psutil.Error:  # it has ended, or belongs to another user
            self._worker = None
            return WorkerLoad()
        before, self._known = self._known, {one.pid: self._known.get(one.pid, one) for one in found}
        per_cent, memory = 0.0, 0
        for process in self._known.values():
            try:
                per_cent += process.cpu_percent()
                memory += process.memory_info().rss
            except psutil.Error:
                continue
        return WorkerLoad(
            busy=per_cent / 100 if before else None,
            cores=os.cpu_count() or 1,
            memory=memory,
            processes=len(self._known),
            card=_card(job.device, self._worker),
        )


def load_words(load: WorkerLoad) -> Text:
    """`cpu 1.9 of 2 cores   memory 1.2 GB   GPU 93 %, 12 GB of 80 GB, 64 °C`; `n/a` for unknown values."""
    cpu, memory = NOT_KNOWN, NOT_KNOWN
    if load.memory is not None:
        cpu = "…" if load.busy is None else f"{load.busy:.1f} of {counted(load.cores, 'core')}"
        memory = size(load.memory) + (f" in {load.processes} processes" if load.processes > 1 else "")
    text = Text(no_wrap=True, overflow="ellipsis")
    for place, (name, value) in enumerate((("cpu", cpu), ("memory", memory), ("GPU", _card_words(load.card)))):
        text.append(f"{'   ' if place else ''}{name} ", style="dim").append(value)
    return text


def _card_words(card: CardLoad | None) -> str:
    if card is None:
        return NOT_KNOWN
    load = NOT_KNOWN if card.load is None else f"{card.load} %"
    memory = NOT_KNOWN if card.used is None or card.total is None else f"{size(card.used)} of {size(card.total)}"
    return f"{load}, {memory}, {NOT_KNOWN if card.celsius is None else f'{card.celsius} °C'}"


def _card(device: str, worker: psutil.Process) -> CardLoad | None:
    """The card behind the job's device, as the worker's own environment numbers them."""
    import psutil

    if device.partition(":")[0] != "cuda":
        return None
    from engine.accelerators import card_load
    from engine.jobs.device_lock import card

    try:
        return card_load(card(device, worker.environ()))
    except (OSError, psutil.Error):
        return None
