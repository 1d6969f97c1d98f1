"""Map: what the keys do, and what the screen then says."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import maps
import numpy as np
import pytest
import shop
from conftest import check_snapshot, notifications, poll, screen_text, settle
from textual.binding import Binding
from textual.pilot import Pilot

from store import ui_state
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.help.dialog import sections
from workbench.map.map_canvas import MapCanvas
from workbench.map.map_panel import LegendTable, PointTable
from workbench.map.map_picture import file_name
from workbench.ui.item import ItemDialog
from workbench.ui.ui_state import MAP_MARKS, MapChoice, from_json

LINE = np.column_stack((np.arange(10) * 10.0, np.zeros(10)))  # ten points in a row, far apart


@pytest.fixture
def mapped(workspace: Workspace) -> Workspace:
    """Two maps of the same items, by two methods, the newest last."""
    maps.add_map(workspace, method="umap", seed=3)
    maps.add_map(workspace)
    return workspace


def workbench(workspace: Workspace, **choice: object) -> Workbench:
    app = Workbench(workspace, readonly=True)
    app.ui_state.map = replace(MapChoice(marks="braille"), **choice)  # whatever the terminal of the tests is
    return app


async def press(pilot: Pilot, keys: str) -> None:
    """Press keys (separated by blanks); at each `|` what was asked for has to be there first."""
    for together in keys.split("|"):
        await pilot.press(*together.split())
        await settle(pilot)


def listed(app: Workbench) -> list[str]:
    return [point.name for point in app.screen.query_one(PointTable).points]


@pytest.mark.parametrize(
    ("name", "keys", "size"),
    [
        ("map", "6", (80, 24)),
        ("map", "6", (120, 40)),
        ("map", "6", (200, 60)),
        ("map-list", "6 | enter", (80, 24)),
        ("map-facts", "6 | i", (80, 24)),
        ("map-list", "6 | enter", (200, 60)),
        ("map-facts", "6 | i", (120, 40)),
        ("map-search", "6 | slash g o l d e n", (80, 24)),
        ("map-search", "6 | slash g o l d e n", (120, 40)),
        ("map-hits", "6 | c G enter | s", (80, 24)),
        ("map-hits", "6 | c G enter | s", (120, 40)),
        ("map-beside", "6 | b j enter | n", (80, 24)),
        ("map-beside", "6 | b j enter | n", (120, 40)),
        ("map-beside", "6 | b j enter | n", (200, 60)),
    ],
)
async def test_screens(mapped: Workspace, name: str, keys: str, size: tuple[int, int]) -> None:
    app = workbench(mapped)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, keys)
        check_snapshot(app, f"{name}-{size[0]}x{size[1]}")


async def test_the_list_follows_the_cursor_is_copied_and_opens_the_whole_text(workspace: Workspace) -> None:
    maps.add_map(workspace, ("movielens-small",), each=10, xy=LINE)
    app = workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "6")
        assert listed(app) == ["Silent River (1950)"]  # the leftmost: all cells are equally full
        await press(pilot, "l")
        assert listed(app) == []
        assert "No point here; Space goes to the nearest." in screen_text(app)
        await press(pilot, "l l l l l | space")
        assert listed(app) == ["Silent Harbour (1951)"]
        await press(pilot, "y")
        assert app.clipboard == "i00001\tSilent Harbour (1951)\tmovielens-small"
        await press(pilot, "Y")
        assert app.clipboard.splitlines() == ["key\ttitle\tdataset", "i00001\tSilent Harbour (1951)\tmovielens-small"]
        await press(pilot, "enter | enter")
        assert isinstance(app.screen, ItemDialog)
        assert "A story about silent harbour (1951)." in screen_text(app)
        await press(pilot, "escape escape h")
        assert listed(app) == []


async def test_zoom_pan_and_fit_lose_neither_the_cursor_nor_a_point(workspace: Workspace) -> None:
    maps.add_map(workspace, ("movielens-small",), each=10, xy=LINE)
    app = workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "6")
        canvas = app.screen.query_one("#map-first", MapCanvas)
        assert len(canvas.drawn()) == 10
        await press(pilot, "plus plus plus")
        assert listed(app) == ["Silent River (1950)"]  # still under the cursor
        assert 1 <= len(canvas.drawn()) < 10
        await press(pilot, "minus minus minus minus")
        assert len(canvas.drawn()) == 10
        await press(pilot, "0 h h h")  # beyond the border the map moves along
        assert len(canvas.drawn()) < 10
        await press(pilot, "f")
        assert len(canvas.drawn()) == 10
        await press(pilot, "L shift+right")
        assert len(canvas.drawn()) < 10


async def test_neighbours_are_the_stored_ones_and_end_with_the_same_key(mapped: Workspace) -> None:
    app = workbench(mapped)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "6")
        here = app.screen.query_one(PointTable).points[0].index
        before = screen_text(app)
        await press(pilot, "n")
        assert [point.index for point in app.screen.query_one(PointTable).points] == [
            (here + step) % 80 for step in range(16)
        ]
        text = screen_text(app)
        assert "Neighbours  15" in text
        assert "in view; nearest by cosine in the original space, not on the map." in text
        assert all(mark in "\n".join(row[:80] for row in text.splitlines()) for mark in "@1+")
        await press(pilot, "n")
        assert screen_text(app) == before


async def test_two_maps_show_the_same_neighbours_each_in_its_places(mapped: Workspace) -> None:
    app = workbench(mapped)
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        await press(pilot, "6 | b j enter | n")
        rows = screen_text(app).splitlines()[4:-3]
        for part in (slice(0, 75), slice(76, 150)):
            assert Counter("".join(row[part] for row in rows))["@"] == 1
        here = app.screen.query_one(PointTable).points[0].name
        await press(pilot, "tab")  # the other map's neighbours of the same item
        assert app.screen.query_one(PointTable).points[0].name == here
        await press(pilot, "escape b g enter")
        assert not app.screen.query_one("#map-second").display


async def test_the_legend_hides_points_and_a_search_flies_to_what_it_finds_also_there(mapped: Workspace) -> None:
    app = workbench(mapped)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "6 | t j space")
        canvas = app.screen.query_one("#map-first", MapCanvas)
        assert canvas.drawn().tolist() == list(range(40))
        assert "Legend  40 points hidden" in screen_text(app)
        assert "○  b" in screen_text(app)
        await press(pilot, "enter")  # the second alone
        assert canvas.drawn().tolist() == list(range(40, 80))
        await press(pilot, "slash d e n space c o a")
        assert listed(app) == ["Golden Coast (1969)"] * 2  # one of each dataset
        await press(pilot, "enter")
        assert 19 in canvas.under_cursor()  # of the first, which was hidden
        await press(pilot, "j enter")
        assert 59 in canvas.under_cursor()
        await press(pilot, "escape")
        assert "Golden Coast (1969)" in listed(app)
        await press(pilot, "slash x x enter")
        assert "Nothing on this map is called that." in notifications(app)


async def test_colour_by_hits_offers_k_and_the_seen_rule(mapped: Workspace) -> None:
    app = workbench(mapped)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "6 | u w")
        assert "this one is of items" in notifications(app)
        assert "It matters where hits are shown" in notifications(app)
        await press(pilot, "c G enter")
        assert "c colour hits of only   w within 10" in screen_text(app)
        await press(pilot, "w x")
        assert "w within 20   x seen items kept" in screen_text(app).replace("\n", "  ")
        assert "no event measured" in screen_text(app)


async def test_a_map_of_users_leads_to_them(workspace: Workspace) -> None:
    maps.add_map(workspace, ("movielens-small",), kind="users", each=10, xy=LINE)
    app = workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "6 | l l l l l l l l l space | u")
        assert "[5 Users]" in screen_text(app)
        assert "user00001  1 event" in screen_text(app)
        await press(pilot, "6 | h h h h h h h h h space | enter enter")
        assert "user00000  1 event" in screen_text(app)


async def test_both_pictures_hold_every_point_of_the_view(mapped: Workspace) -> None:
    app = workbench(mapped)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "6 | e enter | e enter | e j enter")
        assert "map-only-items-t-SNE.png" in notifications(app)
    root = ElementTree.parse("map-only-items-t-SNE.svg").getroot()
    paths = [part.get("d", "") for part in root.iter("{http://www.w3.org/2000/svg}path")]
    assert [path.count("M") for path in paths] == [40, 40]
    words = " ".join(part.text or "" for part in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "80 of 150" in words
    assert "80 of its 80 points in this view, by dataset" in words
    assert "b  shop-garden, 40 points" in words
    assert Path("map-only-items-t-SNE-2.svg").exists()  # nothing is written over
    chunks = chunks_of(Path("map-only-items-t-SNE.png").read_bytes())
    width, height = struct.unpack(">II", chunks["IHDR"][:8])
    pixels = np.frombuffer(zlib.decompress(chunks["IDAT"]), np.uint8).reshape(height, 1 + 3 * width)
    assert not pixels[:, 0].any()
    colours = {tuple(colour) for colour in pixels[:, 1:].reshape(-1, 3)[::7].tolist()}
    assert {(86, 180, 233), (230, 159, 0)} <= colours
    assert len(colours) == 3  # and the ground
    assert "movielens-small #56b4e9" in chunks["iTXt"].decode()


async def test_in_pictures_points_of_which_nothing_is_known_lie_below(mapped: Workspace) -> None:
    app = workbench(mapped)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "6 c G enter | e enter | e j enter")
        assert "no event measured" in screen_text(app)
    root = ElementTree.parse("map-only-items-t-SNE.svg").getroot()
    strokes = [part.get("stroke", "") for part in root.iter("{http://www.w3.org/2000/svg}path")]
    assert len(strokes) > 1
    assert strokes.index("#969696") == 0


def chunks_of(data: bytes) -> dict[str, bytes]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        body = data[at + 4 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(body)
        found[body[:4].decode()] = body[4:]
        at += 12 + length
    return found


def test_a_file_name_holds_nothing_that_a_shell_obeys() -> None:
    assert file_name(["map", "../my model; rm", "items"]) == "map-..-my-model--rm-items"


async def test_without_maps_it_says_what_makes_one(workspace: Workspace, tmp_path: Path) -> None:
    app = workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "6 | n slash c e t i b plus enter Y u escape")  # none of it has anything to act on
        text = " ".join(screen_text(app).split())
        assert "st5 project only --datasets movielens-small,shop-garden,shop-kitchen --kind items" in text
        maps.add_map(workspace)
        await poll(pilot)
        assert "80 of 150" in screen_text(app)
    app = workbench(Workspace(tmp_path / "nowhere"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "6")
        assert "no dataset to make one of" in screen_text(app)


async def test_points_of_a_dataset_that_was_replaced_are_not_shown_as_its_own(workspace: Workspace) -> None:
    maps.add_map(workspace, ("shop-kitchen",))
    other = maps.add_map(workspace, ("movielens-small", "shop-garden"))
    app = workbench(workspace, first=other.key)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "6")
        shop.add_dataset(workspace, "shop-garden", users=30, items=50, seed=9, synthetic=True, replace=True)
        await poll(pilot)
        text = " ".join(screen_text(app).split())
        assert "was of a dataset that was replaced or removed since" in text
        assert "--datasets movielens-small,shop-garden" in text
        assert "40 of 50" in text  # the map that is left
        with workspace.write() as db:
            db.execute("DELETE FROM dataset")
        await poll(pilot)
        assert "no dataset to make one of" in screen_text(app)
        await press(pilot, "n 1 6")
        assert app.is_running


async def test_no_color_tells_labels_apart(mapped: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = workbench(mapped, marks="")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "6")
        cells = Counter("".join(screen_text(app).splitlines()[3:-4]))
        assert cells["a"] >= 10
        assert cells["b"] >= 10
        assert not any("\u2800" < cell <= "\u28ff" for cell in cells)


async def test_hostile_titles_names_and_categories_are_shown_and_never_obeyed(tmp_path: Path) -> None:
    from test_workbench_faults import NASTY, assert_clean

    workspace = Workspace(tmp_path)
    name = "nasty [red]\x1b[31m"
    shop.add_dataset(workspace, name, users=12, items=len(NASTY), seed=7, titles=NASTY)
    with workspace.write() as db:
        db.execute("UPDATE item SET category = title")
    shop.add_model(workspace, "[b]model\x1b]0;x\x07")
    for method in ("tsne", "umap"):
        maps.add_map(workspace, (name,), scorer="[b]model\x1b]0;x\x07", method=method, xy=np.zeros((len(NASTY), 2)))
    app = workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        for keys in ("6", "c j enter", "b j enter", "n", "i", "escape a", "escape escape enter"):
            await press(pilot, keys)
            assert_clean(screen_text(app))
            assert len(screen_text(app).splitlines()) == 40


async def test_remembered_nonsense_gives_way_and_what_was_chosen_is_kept(mapped: Workspace) -> None:
    nonsense = {"map": {"first": 3, "second": "gone", "way": "??", "cutoff": 7, "marks": "crayon", "shade": "yes"}}
    assert from_json(nonsense).map == MapChoice(second="gone", way="??")
    with mapped.write() as db:
        ui_state.put(db, "workbench", nonsense)
    app = Workbench(mapped)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "6 | s b j enter")
        assert "80 of 150" in screen_text(app)
        await pilot.press("q")
        await pilot.pause()
    kept = Workbench(mapped).ui_state.map
    assert kept.shade
    assert kept.second
    assert kept.marks in MAP_MARKS


async def test_a_damaged_block_of_points_becomes_a_dialog(mapped: Workspace) -> None:
    with mapped.write() as db:
        db.execute("UPDATE projection_block SET hash = 'wrong'")
    app = workbench(mapped)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "6")
        assert "do not match their checksum" in " ".join(screen_text(app).replace("│", " ").split())
        await press(pilot, "escape 1")
        assert "[1 Home]" in screen_text(app)


async def test_every_key_is_in_the_help_and_none_clash(mapped: Workspace) -> None:
    app = workbench(mapped)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "6")
        listed = {line.id for part in sections(app.screen, app).values() for line in part}
        everywhere = own(type(app)) + own(type(app.screen))
        for part in (MapCanvas, LegendTable):
            bindings = own(part) + everywhere
            assert {binding.id for binding in bindings if not binding.system} <= listed
            assert all(binding.tooltip for binding in bindings)
            keys = Counter(key for binding in bindings for key in binding.key.split(",") if not binding.system)
            assert [key for key, count in keys.items() if count > 1] == []
            await press(pilot, "t")
            assert "? Help  q Quit" in screen_text(app).splitlines()[-1]


def own(kind: type) -> list[Binding]:
    ours = [each for each in kind.__mro__ if each.__module__.startswith("workbench")]
    return [binding for each in ours for binding in each.__dict__.get("BINDINGS", [])]
