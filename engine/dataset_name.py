"""What a dataset may be called; importing this costs nothing."""

from __future__ import annotations

import re

from store.errors import BadInput

NAME = re.compile(r"[^\W_][\w.+ -]{0,99}")


def check_name(name: str) -> None:
    """BadInput unless `name` can name a dataset: commands join names with commas, and files are called after them."""
    if not NAME.fullmatch(name):
        raise BadInput(
            f'--name "{name[:120]}" cannot be the name of a dataset. Up to 100 letters, digits, '
            "blanks and . _ + - are allowed; it begins with a letter or digit."
        )
