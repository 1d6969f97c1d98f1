"""The file with a person's keys, theme and signs; and the screen in plain ASCII."""

from __future__ import annotations

import ast
import unicodedata
from pathlib import Path

import pytest
from conftest import check_snapshot, press, screen_text, settle
from rich.cells import cell_len

from engine.measuring.highlighting import ALIKE
from store.errors import BadInput
from store.workspace import Workspace
from tests.program import Program
from workbench.application import Workbench
from workbench.help.dialog import HelpDialog
from workbench.results.sheet_table import NOTED
from workbench.ui.ascii_fallback import plain_sign, plain_signs, wants_ascii
from workbench.ui.cell_text import MARKS
from workbench.ui.settings import UserSettings, read_settings, template

PROJECT = Path(__file__).resolve().parents[2]


def written(folder: Path, text: str) -> UserSettings:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path)


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "none.toml") == UserSettings()


async def test_a_key_moves_in_the_last_line_the_help_and_the_palette(workspace: Workspace, tmp_path: Path) -> None:
    settings = written(tmp_path, '[keys]\n"users.next" = "N"\n"app.results" = "f4"\n')
    app = Workbench(workspace, readonly=True, settings=settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        before = screen_text(app)
        assert " N Next" in before.splitlines()[-1]
        await press(pilot, "n")
        assert screen_text(app) == before
        await press(pilot, "N")
        assert screen_text(app) != before
        assert "N p r event 2 of 60" in screen_text(app)  # beside the settings too
        assert any(command.title == "Next  (N)" for command in app.get_system_commands(app.screen))
        await press(pilot, "question_mark")
        assert isinstance(app.screen, HelpDialog)
        keys = {line.id: line.keys for part in app.screen.parts.values() for line in part}
        assert (keys["users.next"], keys["app.results"]) == ("N", "F4")
        await press(pilot, "escape f4")
        assert "[4 Results]" in screen_text(app)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("theme = ", "is no TOML"),
        ("\udcff".encode("utf-8", "surrogateescape").decode("latin-1"), "is no TOML"),
        ('colour = "red"', 'No setting in config.toml: "colour"'),
        ('theme = "st5-drak"', "Did you mean st5-dark"),
        ('signs = "emoji"', "Available: ascii, auto, unicode"),
        ("keys = 3", "keys is no table"),
        ('[keys]\n"users.rondom" = "R"', "Did you mean users.random"),
        ('[keys]\n"users.random" = ""', "is no key"),
        ('[keys]\n"users.random" = 5', "is no key"),
        ('[keys]\n"users.random" = "n"', 'the key of "users.next"'),
        ('[keys]\n"users.random" = "escape"', 'the key of "area.escape"'),
        ('[keys]\n"app.help" = "j"', '"app.help" = "j" is the key of'),
    ],
)
def test_what_it_cannot_mean_is_said(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadInput) as found:
        written(tmp_path, text)
    assert words in str(found.value).replace(str(tmp_path) + "/", "")


def test_keys_may_change_places(tmp_path: Path) -> None:
    settings = written(tmp_path, '[keys]\n"users.next" = "p"\n"users.previous" = "n"\n"users.random" = "r"\n')
    assert settings.keys == {"users.next": "p", "users.previous": "n", "users.random": "r"}


def test_the_template_says_everything_and_means_the_defaults(tmp_path: Path) -> None:
    assert written(tmp_path, template()) == UserSettings()
    uncommented = "\n".join(line.removeprefix("# ") if '" = "' in line else line for line in template().splitlines())
    assert len(written(tmp_path, uncommented).keys) > 100


def test_a_wrong_file_ends_the_start_with_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    (tmp_path / "config.toml").write_text('theme = "dark"')
    monkeypatch.setenv("ST5_CONFIG", str(tmp_path / "config.toml"))
    ended = Program(workspace.folder)("--web", "--port", "0")  # needs no terminal
    assert ended.code == 2
    assert "No theme in" in ended.err


async def test_a_theme_of_the_file_comes_before_the_remembered_one(workspace: Workspace, tmp_path: Path) -> None:
    app = Workbench(workspace, readonly=True, settings=written(tmp_path, 'theme = "st5-colour-blind"'))
    app.ui_state.theme = "st5-light"
    async with app.run_test(size=(80, 24)):
        assert app.theme == "st5-colour-blind"


@pytest.mark.parametrize(
    ("environment", "plain"),
    [
        ({}, False),
        ({"LANG": "en_GB.UTF-8"}, False),
        ({"LANG": "en_GB.utf8", "LC_ALL": ""}, False),
        ({"LANG": "C"}, True),
        ({"LC_ALL": "C.utf8", "LANG": "C"}, False),
        ({"LANG": "en_GB.UTF-8", "LC_CTYPE": "de_DE.ISO-8859-1"}, True),
    ],
)
def test_the_locale_decides_about_signs(environment: dict[str, str], plain: bool) -> None:
    assert wants_ascii(environment) is plain
    assert not UserSettings(signs="unicode").plain(environment)
    assert UserSettings(signs="ascii").plain(environment)


def test_a_sign_keeps_its_cells() -> None:
    signs = [chr(code) for code in (*range(0xA1, 0x3000), *range(0x4E00, 0x4E20), *range(0x1F600, 0x1F650))]
    for sign in signs:
        likeness = plain_sign(sign)
        assert likeness.isascii()
        assert cell_len(likeness) == cell_len(sign), sign
    assert "".join(map(plain_sign, "│ é » Ω 東 ⠁ ⣿ … ▲ ● • ○")) == "| e > ? ?? . # ~ ^ * * o"


def signs_of_the_product() -> set[str]:
    """Every sign in a text of the source."""
    found: set[str] = set()
    for package in ("store", "engine", "workbench"):
        for file in (PROJECT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found |= {sign for sign in node.value if not sign.isascii()}
    return found


def test_no_sign_becomes_a_digit_or_another_meaning() -> None:
    signs = signs_of_the_product()
    assert {"¹", "²", "≈", "…", "≥"} <= signs
    for sign in signs | {chr(code) for code in (*range(0xA1, 0x2C00), *range(0xFF00, 0xFFF0))}:
        likeness = plain_sign(sign)
        assert not any(one.isdigit() for one in likeness), sign
        if unicodedata.category(sign) == "Sm" and "ARROW" not in unicodedata.name(sign):
            assert likeness not in ("<", ">", "+"), sign  # `≥` is not `>`
    marks = [plain_sign(sign) for sign in (*MARKS.values(), ALIKE, NOTED, "…", "−", "·", "≥", ">", "<")]
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (".2258¹", ".2258*"),
        (".2105²≈", ".2105+="),
        ("p ≥ 0.05, n ≤ 3", "p >=0.05, n <=3"),
        ("≥5", "?5"),
        ("a long na…", "a long na~"),
        ("5 m³", "5 m?"),
        ("−.0021–.0341", "-.0021-.0341"),
    ],
)
def test_a_text_in_ascii_says_the_same_in_as_many_cells(text: str, plain: str) -> None:
    assert plain_signs(text) == plain
    assert cell_len(plain) == cell_len(text)


@pytest.mark.parametrize("keys", ["1", "2", "3", "4", "5", "6", "5 question_mark", "4 c", "5 enter"])
async def test_every_area_in_ascii(workspace: Workspace, keys: str) -> None:
    app = Workbench(workspace, readonly=True, settings=UserSettings(signs="ascii"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, keys)
        assert screen_text(app).isascii()
        if keys == "5":
            check_snapshot(app, "users-ascii-80x24")
