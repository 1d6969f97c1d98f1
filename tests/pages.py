"""What the pages of the documentation say: their commands, links and code blocks."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import typer

from engine.commands.application import application

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


def name(page: Path) -> str:
    """`docs/data.md`."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str = "") -> list[str]:
    """The code blocks of a language; without one those that name none."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def titled_blocks(page: Path) -> dict[str, str]:
    """The code blocks that say in which file they belong, by what they say."""
    return dict(re.findall(r'^```\w+ title="(.+?)"\n(.*?)^```', page.read_text(), re.DOTALL | re.MULTILINE))


def block_commands(page: Path) -> list[list[str]]:
    """The words after `st5` of the command lines in code blocks, without comments; N is any number."""
    lines = [line for block in blocks(page) for line in block.splitlines()]
    commands = [shlex.split(line, comments=True)[1:] for line in lines if line.split()[:1] == ["st5"]]
    return [["1" if word == "N" else word for word in words] for words in commands if "…" not in words]


def inline_commands(page: Path) -> list[list[str]]:
    """The same of `st5 …` within sentences and tables, where a name alone may stand for a command."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return [span.split()[1:] for span in re.findall(r"`(st5(?:\s[^`]*)?)`", text)]


def declared() -> dict[tuple[str, ...], set[str]]:
    """The options of every command, by its words, as the page of commands lists them."""
    _, *sections = re.split(r"^##+ st5", (DOCS / "cli.md").read_text(), flags=re.MULTILINE)
    parts = [section.partition("\n") for section in sections]
    return {tuple(words.split()): set(re.findall(r"`(--?[\w-]+)", rows)) | {"--help"} for words, _, rows in parts}


def understood(words: list[str]) -> None:
    """Parse a command without running it; fails with what the command line has against it."""
    command, context = typer.main.get_command(application), None
    while True:
        context = command.make_context(command.name or "st5", list(words), parent=context)
        if not hasattr(command, "resolve_command") or not (rest := [*context._protected_args, *context.args]):
            return
        _, command, words = command.resolve_command(context, rest)


def headings(page: Path) -> set[str]:
    """The places that a link can name, as GitHub and MkDocs make them of headings."""
    found = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def links(page: Path) -> list[str]:
    """The targets of links and pictures that are not on the web."""
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
