"""Which device does the work, and at which precision."""

from __future__ import annotations

import platform
from enum import StrEnum
from pathlib import Path

import torch

from store.errors import BadInput


class Precision(StrEnum):
    """`fp32` everywhere; `bf16` where the device multiplies it faster than fp32."""

    FP32 = "fp32"
    BF16 = "bf16"


def choose_device(name: str = "auto") -> torch.device:
    """cuda before mps before cpu, or the device of this name; `BadInput` where it is not there."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise BadInput(f'No device "{name}". Allowed: auto, cpu, cuda, cuda:N, mps.') from None
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    missing_card = device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    if not present.get(device.type, False) or missing_card:
        raise BadInput(
            f'Device "{name}" is not on this machine. Run `st5 doctor` to see what is, or use --device auto.'
        )
    return device


def fast_precision(device: torch.device) -> Precision:
    """bf16 on devices with matrix units for it: CUDA from Ampere on, CPUs with AMX or AVX-512 BF16."""
    if device.type == "cuda":
        return Precision.BF16 if torch.cuda.get_device_capability(device)[0] >= 8 else Precision.FP32
    if device.type == "cpu":
        return Precision.BF16 if {"amx_bf16", "avx512_bf16"} & _cpu_flags() else Precision.FP32
    return Precision.FP32


def device_name(device: torch.device) -> str:
    """The device as people call it: `NVIDIA H200`, or the processor's model and the number of threads used."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    return f"{_cpu_model()}, {torch.get_num_threads()} threads"


def _cpu_info() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _cpu_flags() -> set[str]:
    return set(_cpu_info().get("flags", "").split())


def _cpu_model() -> str:
    return _cpu_info().get("model name") or platform.processor() or platform.machine()
