"""All keys by the ids under which they can be changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import walk_packages
from typing import Any

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode

import workbench
from store.errors import BadInput, unknown
from workbench.ui.key_names import shown

NEED_TERMINAL = ("pager", "app.suspend_process")  # actions that lend the terminal to another program
EVERYWHERE = ("app", "area", "table")  # what these do works inside every area


@cache
def known_keys() -> dict[str, Binding]:
    """Every binding by its id. Imports every screen."""
    modules = [import_module(found.name) for found in walk_packages(workbench.__path__, "workbench.")]
    kinds = {kind for module in modules for _, kind in getmembers(module, isclass) if issubclass(kind, DOMNode)}
    named = {f"{kind.__module__} {kind.__qualname__}": kind for kind in kinds}
    own = (named[name] for name in sorted(named) if name.startswith("workbench"))
    bindings = (binding for kind in own for binding in kind.__dict__.get("BINDINGS", ()))
    return {b.id: b for b in bindings if isinstance(b, Binding) and b.id and not b.system}


def check_keys(keys: Mapping[Any, Any], where: str) -> dict[str, str]:
    """The keys of a `[keys]` table; `BadInput` for an id that is none, or a key that does something else already."""
    known = known_keys()
    for id, key in keys.items():
        if id not in known:
            raise unknown(f"id of a key in {where}:", str(id), known)
        if not isinstance(key, str) or not all(part.strip() for part in key.split(",")):
            raise BadInput(f'{where}: {id} = {key!r} is no key. Allowed: "R", "space", "ctrl+r", or several: "r,f5".')
    asked = {id: ",".join(_normal(key)) for id, key in keys.items()}
    for id, key in asked.items():
        if set(key.split(",")) <= set(_normal(known[id].key)):
            continue
        for other, taken in {**{i: b.key for i, b in known.items()}, **asked}.items():
            both = set(_normal(key)) & set(_normal(taken))
            if other != id and both and _meet(id, other):
                raise BadInput(
                    f'{where}: "{id}" = "{shown(min(both))}" is the key of "{other}" '
                    f"({known[other].description}). Choose another, or give that one another."
                )
    return asked


def works_over_dialogs(binding: Binding) -> bool:
    """Whether a key of the app's own works in a dialog, too."""
    return binding.priority and not binding.action.startswith("app.area(")


def bindings_of(node: DOMNode, app: App[Any]) -> Iterable[Binding]:
    """The bindings of a screen, a widget or the app, with the keys that they have by now."""
    yield from keyed((binding for _, binding in node._bindings), app)  # the merged table; Textual has no public one


def keyed(bindings: Iterable[Binding], app: App[Any]) -> Iterable[Binding]:
    """Bindings with the keys that the user gave them, less what a page in a browser cannot do."""
    changed: Mapping[str, str] = app._keymap  # written by `set_keymap`; there is no public way to read it
    for binding in bindings:
        if app.is_web and binding.action in NEED_TERMINAL:
            continue
        own = changed.get(binding.id or "")
        yield binding.with_key(own) if own else binding


def keys_now(words: str, node: DOMNode, app: App[Any]) -> str:
    """Keys as they are said (`+ -`), each as the one that it has by now: `+ N` if `-` was rebound to N."""
    changed: Mapping[str, str] = app._keymap
    if not changed:
        return words
    own = {
        shown(key): shown(changed[binding.id].split(",")[0])
        for _, binding in node._bindings
        if binding.id is not None and binding.id in changed
        for key in binding.key.split(",")
    }
    return " ".join(own.get(word, word) for word in words.split(" "))


def _meet(one: str, other: str) -> bool:
    """Whether two ids can be active at once: those of one screen, and those that work everywhere."""
    first, second = one.partition(".")[0], other.partition(".")[0]
    return first == second or first in EVERYWHERE or second in EVERYWHERE


def _normal(keys: str) -> list[str]:
    from textual.keys import _character_to_key  # as Textual reads them itself

    return [_character_to_key(key) if len(key) == 1 else key for key in (part.strip() for part in keys.split(","))]
