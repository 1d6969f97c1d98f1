"""What a job's worker takes of its machine, by real processes and a driver's library made for the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import shop
from conftest import press, settle, until

from engine.accelerators import CardLoad
from engine.jobs.device_lock import card
from store import jobs
from store.enums import JobState
from store.rows import Job
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.jobs.worker_load import LoadMeter, WorkerLoad, load_words

BUSY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "print('up', flush=True); input()"], stdin=subprocess.PIPE)
while True:
    sum(range(10_000))
"""
# Card 0 is at 93 %, has 12 of 80 GiB in use and 64 degrees; a card 1 says nothing but its memory.
DRIVER = """
typedef struct {unsigned int gpu, memory;} rates; typedef struct {unsigned long long total, free, used;} memory;
int nvmlInitWithFlags(unsigned flags) {return 0;}
int nvmlInit_v2(void) {return 0;}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **card) {*card = (void *)(long)(index + 1); return index < 2 ? 0 : 2;}
int nvmlDeviceGetHandleByUUID(const char *id, void **card) {*card = (void *)1; return 0;}
int nvmlDeviceGetMemoryInfo(void *card, memory *m) {m->total = 80ULL << 30; m->used = 12ULL << 30; return 0;}
int nvmlDeviceGetUtilizationRates(void *card, rates *r) {r->gpu = 93; return card == (void *)1 ? 0 : 3;}
int nvmlDeviceGetTemperature(void *card, int sensor, unsigned *t) {*t = 64; return card == (void *)1 ? 0 : 3;}
int nvmlDeviceGetTemperatureV(void *card, void *t) {return 13;}
"""  # noqa: E501 (the library's names are long)


@pytest.fixture
def busy() -> Iterator[subprocess.Popen]:
    """A process that works, with a child that waits."""
    process = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    yield process
    os.killpg(process.pid, 9)
    process.wait()


def running(workspace: Workspace, pid: int, host: str) -> Job:
    number = shop.add_job(workspace, "train nopre --datasets shop-garden")
    with workspace.write() as db:
        jobs.claim(db, number, pid, host)
        jobs.set_running(db, number, "cpu")
        return jobs.job(db, number)


def test_processors_and_memory_of_a_worker_and_its_children(workspace: Workspace, busy: subprocess.Popen) -> None:
    job = running(workspace, busy.pid, os.uname().nodename)
    meter = LoadMeter()
    first = meter.look(job)
    assert first is not None
    assert first.busy is None
    assert first.processes == 2
    assert first.memory is not None
    assert first.memory > 2**20
    assert "cpu …   memory" in load_words(first).plain
    second = meter.look(job)
    while second is not None and not second.busy:  # until it was given a processor
        second = meter.look(job)
    assert second is not None
    assert second.card is None
    assert load_words(second).plain.endswith("in 2 processes   GPU n/a")


def test_when_the_load_is_unknown(workspace: Workspace, busy: subprocess.Popen) -> None:
    job = running(workspace, busy.pid, "elsewhere")
    assert LoadMeter().look(job) == WorkerLoad()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert LoadMeter().look(replace(job, pid=gone.pid, host=os.uname().nodename)) == WorkerLoad()
    assert LoadMeter().look(replace(job, state=JobState.SUCCEEDED)) is None
    assert load_words(WorkerLoad()).plain == "cpu n/a   memory n/a   GPU n/a"


async def test_jobs_shows_it_while_a_worker_runs(workspace: Workspace, busy: subprocess.Popen) -> None:
    running(workspace, busy.pid, os.uname().nodename)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        text = await until(pilot, "in 2 processes   GPU n/a")
        assert "memory" in text
        await until(pilot, f" of {os.cpu_count()} core")


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler to make the driver's library with")
@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("0", CardLoad(load=93, used=12 << 30, total=80 << 30, celsius=64)),
        ("GPU-5fb7", CardLoad(load=93, used=12 << 30, total=80 << 30, celsius=64)),
        ("1", CardLoad(load=None, used=12 << 30, total=80 << 30, celsius=None)),
    ],
)
def test_a_card_is_asked_by_number_or_uuid(tmp_path: Path, name: str, load: CardLoad) -> None:
    source = tmp_path / "driver.c"
    source.write_text(DRIVER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "libnvidia-ml.so.1", source], check=True)
    asked = f"from engine.accelerators import card_load; print(card_load({name!r}))"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(load)


def test_a_cards_words_and_its_number_behind_a_device() -> None:
    full = WorkerLoad(busy=1.87, cores=16, memory=1_234_000_000, processes=1, card=CardLoad(93, 12 << 30, 80 << 30, 64))
    assert load_words(full).plain == "cpu 1.9 of 16 cores   memory 1.2 GB   GPU 93 %, 13 GB of 86 GB, 64 °C"
    partly = replace(full, card=CardLoad(None, 12 << 30, 80 << 30, None))
    assert load_words(partly).plain.endswith("GPU n/a, 13 GB of 86 GB, n/a")
    assert card("cuda:1", {}) == "1"
    assert card("cuda:1", {"CUDA_VISIBLE_DEVICES": "3, GPU-5fb7"}) == "GPU-5fb7"
    assert card("cuda", {"CUDA_VISIBLE_DEVICES": "3"}) == "3"
