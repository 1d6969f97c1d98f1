"""Training of sequence models: targets per second on a shop of beauty_2014's size, and memory over 800,000 items.

Sequences are made here: their lengths and popularity follow beauty_2014, what follows what does not matter for speed.
Every measurement is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

GOAL_TARGETS = 1_500  # a second on two cores; RecBole 1.2.1 with a row for each prefix: 490
GOAL_GB = 6.0
FEATURES = 384  # width of MiniLM's vectors; late and UniSRec compare vectors of as many dimensions
BATCH = 2_048  # targets of a step, the default of all
GOAL_RATIO = 3.0  # times the targets a second of UniSRec


@dataclass(frozen=True)
class Size:
    """A shop, how many targets of it are trained on, and by what: `sasrec`, `late`, or `both` late and UniSRec."""

    users: int
    items: int
    targets: int
    window: int = 50
    model: str = "sasrec"


BEAUTY = Size(22_363, 12_094, 60_000)
LARGE = Size(20_000, 800_000, 6_144)


def run(quick: bool) -> list[dict[str, Any]]:
    """Rows of name, value, unit, goal, met; `quick` trains on a tenth."""
    share = 10 if quick else 1
    beauty = _measured(Size(BEAUTY.users, BEAUTY.items, BEAUTY.targets // share))
    large = _measured(Size(LARGE.users, LARGE.items, 2_048 if quick else LARGE.targets))
    both = _measured(Size(BEAUTY.users, BEAUTY.items, BEAUTY.targets // share // 4, model="both"))
    wide = _measured(Size(LARGE.users, LARGE.items, 2_048 if quick else LARGE.targets, model="late"))
    ratio, widest = both["late"] / both["unisrec"], wide["peak GB"]
    speed, peak = beauty["targets per second"], large["peak GB"]
    return [
        _row("SASRec, 12,094 items, window 50", speed, "targets/s", GOAL_TARGETS, speed >= GOAL_TARGETS),
        _row("  real among padded positions", beauty["real share"], ""),
        _row("  peak memory of the process", beauty["peak GB"], "GB"),
        _row("SASRec, 800,000 items, peak memory of the process", peak, "GB", GOAL_GB, peak < GOAL_GB),
        _row("  its speed", large["targets per second"], "targets/s"),
        _row("late ÷ UniSRec, 12,094 items, 384 wide", ratio, "×", GOAL_RATIO, ratio >= GOAL_RATIO),
        _row("  late", both["late"], "targets/s"),
        _row("  UniSRec", both["unisrec"], "targets/s"),
        _row("late, 800,000 items, peak memory of the process", widest, "GB", GOAL_GB, widest < GOAL_GB),
        _row("  its speed", wide["targets per second"], "targets/s"),
    ]


def measure(size: Size) -> dict[str, float]:
    """Train for so many targets, in this process; two models step by step in turn."""
    from engine.baselines.network import plain_products
    from engine.baselines.sequences import batches, cut

    starts, items = _sequences(size)
    windows = cut(starts, items, size.window)
    names = ("late", "unisrec") if size.model == "both" else (size.model,)
    networks = {name: _network(name, size) for name in names}
    optimizers = {name: network.optimizer(1e-3, fused=True) for name, network in networks.items()}
    done, positions, seconds = 0, 0, dict.fromkeys(networks, 0.0)
    for number, batch in enumerate(batches(windows, BATCH, np.random.default_rng(0))):
        if number == 1:  # the first step makes the moments and warms up
            done, positions, seconds = 0, 0, dict.fromkeys(networks, 0.0)
        for name, network in networks.items():
            began = time.perf_counter()
            with plain_products():
                network.loss(batch).backward()
            optimizers[name].step()
            optimizers[name].zero_grad()
            seconds[name] += time.perf_counter() - began
        done += len(batch.targets)
        positions += batch.ids.size
        if done >= size.targets:
            break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    found = {name: done / spent for name, spent in seconds.items()}
    return {"targets per second": min(found.values()), "real share": done / positions, "peak GB": peak} | found


def _network(name: str, size: Size) -> Any:
    """A network of the published size in training; UniSRec as wide as the text vectors, which are drawn here."""
    import torch

    from engine.baselines.late import Late
    from engine.baselines.sasrec import SasRec
    from engine.baselines.settings import LateSettings, SasRecSettings, UniSRecSettings
    from engine.baselines.unisrec import UniSRec

    torch.manual_seed(0)
    if name == "sasrec":
        return SasRec(SasRecSettings(window=size.window), size.items).train()
    features = np.random.default_rng(0).standard_normal((size.items, FEATURES), np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    if name == "late":
        network: Any = Late(LateSettings(window=size.window), size.items, features)
    else:
        network = UniSRec(UniSRecSettings(window=size.window, hidden=FEATURES), features)
    network.settle(np.arange(size.items))
    return network.train()


def _sequences(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Users of three items and more, on average nearly seven, as the train part of beauty_2014 has them."""
    draw = np.random.default_rng(0)
    lengths = np.minimum(3 + draw.pareto(1.6, size.users) * 2.5, 200).astype(np.int64)
    popular = draw.zipf(1.3, int(lengths.sum())) % size.items
    return np.concatenate(([0], np.cumsum(lengths))), popular.astype(np.int32)


def _measured(size: Size) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.sequence_models", "--size", json.dumps(asdict(size))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def _row(name: str, value: float, unit: str, goal: float | None = None, met: bool | None = None) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "goal": goal, "met": met}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", required=True)
    print(json.dumps(measure(Size(**json.loads(parser.parse_args().size)))))
