"""What a model may be called; importing this costs nothing."""

from __future__ import annotations

from pathlib import Path

from store.errors import BadInput


def check_name(name: str) -> None:
    """`BadInput` unless the name can be a folder and needs no quotes on a command line."""
    if not name or name != Path(name).name or not all(c.isalnum() or c in "-_.+" for c in name) or name[0] in "-.":
        raise BadInput(f'"{name}" cannot be a name. Allowed: letters, digits, - _ . + (not first: - or .).')
