"""Writes `docs/cli.md`: every command with its arguments and options, read from what the commands declare.

`python -m scripts.command_reference` writes the page anew; a test compares it with the program.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import typer
from typer.models import ArgumentInfo, OptionInfo

from engine.commands.application import COMMANDS, start

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
KINDS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}
HEAD = """# Command line

Every command with its options, generated from the program by `python -m scripts.command_reference`.
`st5 COMMAND --help` shows the same in the terminal. Exit codes: 0 done, 1 failed, 2 bad input, 3 cancelled,
130 interrupted. Data goes to stdout, words to stderr. Each command once, as a story: [a tour](tour.md).
"""
EXAMPLE, DEFAULT = "Example: ", "[default: "  # in the commands' own help
OPEN = "Without a command, `st5` opens the [workbench](workbench/README.md)."


def page() -> str:
    """The whole page as Markdown."""
    parts = [HEAD, f"## st5\n\n{OPEN}\n", _parameters(start)]
    for name, (module, summary) in COMMANDS.items():
        command = getattr(import_module(f"engine.commands.{module}"), name)
        if isinstance(command, typer.Typer):
            alone = command.registered_callback and command.registered_callback.callback
            parts.append(_command(f"st5 {name}", "##", alone) if alone else f"## st5 {name}\n\n{summary}\n")
            parts += [_command(f"st5 {name} {sub}", "###", call) for sub, call in _commands(command)]
        else:
            parts.append(_command(f"st5 {name}", "##", command))
    return "\n".join(part for part in parts if part)


def _commands(group: typer.Typer) -> Iterator[tuple[str, Callable[..., Any]]]:
    for info in group.registered_commands:
        assert info.callback is not None
        yield info.name or info.callback.__name__.replace("_", "-"), info.callback


def _command(name: str, level: str, command: Callable[..., Any]) -> str:
    words, _, example = " ".join(inspect.cleandoc(command.__doc__ or "").split()).partition(EXAMPLE)
    usage = " ".join([name, *(word for word, _ in _arguments(command)), "[OPTIONS]"])
    shown = f"\n```\n{example}\n```\n" if example else ""
    return f"{level} {name}\n\n{words.strip()}\n\n`{usage}`\n{shown}\n{_parameters(command)}"


def _parameters(command: Callable[..., Any]) -> str:
    rows = [f"| {words} | {says} |" for words, says in (*_arguments(command, code=True), *_options(command))]
    return "\n".join(["| option | meaning |", "|---|---|", *rows, ""]) if rows else ""


def _declared(command: Callable[..., Any], kind: type) -> Iterator[tuple[inspect.Parameter, Any, Any]]:
    """Each parameter of a kind: itself, its type, and what it declares."""
    hints = get_type_hints(command, include_extras=True)
    for parameter in inspect.signature(command).parameters.values():
        for info in getattr(hints[parameter.name], "__metadata__", ()):
            if isinstance(info, kind):
                yield parameter, get_args(hints[parameter.name])[0], info


def _arguments(command: Callable[..., Any], *, code: bool = False) -> Iterator[tuple[str, str]]:
    for parameter, kind, info in _declared(command, ArgumentInfo):
        word = (info.metavar or parameter.name).upper()
        word += "…" if get_origin(kind) is list else ""
        word = word if parameter.default is inspect.Parameter.empty else f"[{word}]"
        yield (f"`{word}`" if code else word), _says(parameter, kind, info)


def _options(command: Callable[..., Any]) -> Iterator[tuple[str, str]]:
    for parameter, kind, info in _declared(command, OptionInfo):
        # `typer.Option` calls its first argument the default
        flags = [flag for flag in (info.default, *(info.param_decls or ())) if isinstance(flag, str)]
        flags = flags or [f"--{parameter.name.replace('_', '-')}"]
        value = _value(kind, info.metavar)
        yield ", ".join(f"`{flag}{value}`" for part in flags for flag in part.split("/")), _says(parameter, kind, info)


def _value(kind: Any, metavar: str | None) -> str:
    """What follows an option: ` N`, or nothing for a switch."""
    if metavar and "|" not in metavar:
        return f" {metavar}"
    plain = _plain(kind)
    if plain is bool:
        return ""
    return f" {KINDS.get(plain, 'NAME')}"


def _says(parameter: inspect.Parameter, kind: Any, info: Any) -> str:
    """Help, choices, range and default of a parameter, as one cell."""
    help, _, said = " ".join((info.help or "").split()).partition(DEFAULT)
    parts = [_sentence(help)]
    plain = _plain(kind)
    choices = [str(one.value) for one in plain] if isinstance(plain, type) and issubclass(plain, Enum) else []
    if info.metavar and "|" in info.metavar:
        choices = info.metavar.split("|")
    if choices:
        parts.append(f"One of: {', '.join(f'`{choice}`' for choice in choices)}.")
    if parameter.default is inspect.Parameter.empty:
        parts.append("Required.")
    elif get_origin(_one(kind)) is list and "epeat" not in help:
        parts.append("Repeatable.")
    shown = info.show_default if isinstance(info.show_default, str) else _default(parameter.default)
    if default := said.rstrip("]") or shown:
        parts.append(f"Default: {default}.")
    return " ".join(part for part in parts if part).replace("|", "\\|")


def _sentence(words: str) -> str:
    """The words with a stop at their end."""
    words = words.strip()
    return words if not words or words.endswith(".") else f"{words}."


def _default(value: Any) -> str:
    if value is None or value is inspect.Parameter.empty or isinstance(value, bool) or value in ("", ()):
        return ""
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _one(kind: Any) -> Any:
    """The type of an optional value without its None."""
    if get_origin(kind) in (Union, types.UnionType):
        return next(part for part in get_args(kind) if part is not type(None))
    return kind


def _plain(kind: Any) -> Any:
    """The type of one value: `Path` of `list[Path] | None`."""
    one = _one(kind)
    return get_args(one)[0] if get_origin(one) in (list, tuple) else one


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
