"""`python -m benchmarks [--quick] [NAME …]`: run them, print one table, write it as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

NAMES = (
    *("startup", "workbench", "contention", "map", "warm", "ranking", "ingest", "encoding", "training", "jobs"),
    *("statistics", "sequence_models", "counted_models"),
)


def machine() -> dict[str, str]:
    """The machine in words: processor, cores, memory, accelerator, versions."""
    import torch

    from engine.encoding.device import choose_device, device_name, fast_precision

    device = choose_device()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "device": device_name(device),
        "precision": fast_precision(device).value,
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": platform.platform(),
    }


def main() -> None:
    """Run the named benchmarks and print their rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    parser.add_argument("--quick", action="store_true", help="smaller inputs, a minute or two in all")
    options = parser.parse_args()
    described = machine()
    print("; ".join(f"{key} {value}" for key, value in described.items()))
    rows: list[dict[str, Any]] = []
    for name in options.names or NAMES:
        found = import_module(f"benchmarks.{name}").run(options.quick)
        _print(found)
        rows += found
    moment = datetime.now(UTC)
    out = Path(f"bench-{moment:%Y%m%d-%H%M%S}.json")
    out.write_text(json.dumps({"machine": described, "moment": moment.isoformat(), "rows": rows}, indent=2))
    missed = [row["name"].strip() for row in rows if row["met"] is False]
    print(f"Written to {out}. " + (f"Missed: {'; '.join(missed)}." if missed else "Every goal is met."))


def _print(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        goal = "" if row["goal"] is None else f"goal {row['goal']:g}: {'met' if row['met'] else 'MISSED'}"
        print(f"{row['name']:<72} {row['value']:>12.4g} {row['unit']:<12} {goal}", flush=True)


if __name__ == "__main__":
    main()
