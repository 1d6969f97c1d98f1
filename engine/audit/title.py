"""When two titles are the same."""

from __future__ import annotations


def normal(title: str) -> str:
    """A title without the case of its letters and with single spaces: equal for titles that read alike.

    >>> normal(" Big  Hero 6 ")
    'big hero 6'
    """
    return " ".join(title.casefold().split())
