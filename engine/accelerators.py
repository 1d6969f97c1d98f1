"""What NVIDIA's library says of a card at this moment: its load, memory and temperature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class CardLoad:
    """`load` in per cent, memory in bytes, `celsius`; None where the card does not tell."""

    load: int | None
    used: int | None
    total: int | None
    celsius: int | None


def card_load(card: str) -> CardLoad:
    """The card of this number or UUID. `OSError` with the reason if there is no card or no driver."""
    import pynvml

    try:
        _ready()
        number = int(card) if card.isdigit() else None
        handle = pynvml.nvmlDeviceGetHandleByIndex(number) if number is not None else _by_uuid(card)
        memory = _or_none(pynvml.nvmlDeviceGetMemoryInfo, handle)
        rates = _or_none(pynvml.nvmlDeviceGetUtilizationRates, handle)
        celsius = _or_none(pynvml.nvmlDeviceGetTemperature, handle, pynvml.NVML_TEMPERATURE_GPU)
    except pynvml.NVMLError as error:
        raise OSError(f"no NVML: {error}") from error
    return CardLoad(
        load=rates and int(rates.gpu),
        used=memory and int(memory.used),
        total=memory and int(memory.total),
        celsius=None if celsius is None else int(celsius),
    )


@cache
def _ready() -> None:
    """Once per process: to load the driver's library takes a moment. A failure is tried again."""
    import pynvml

    pynvml.nvmlInit()


def _by_uuid(card: str) -> Any:
    import pynvml

    return pynvml.nvmlDeviceGetHandleByUUID(card)


def _or_none(ask: Any, *arguments: Any) -> Any:
    """An answer, or None where this card or driver has none, as in a slice of a card or a container."""
    import pynvml

    try:
        return ask(*arguments)
    except pynvml.NVMLError:
        return None
