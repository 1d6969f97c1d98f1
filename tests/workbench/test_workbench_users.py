"""Users: who is found, and what two models said for them."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import shop
from conftest import check_snapshot, notifications, poll, press, screen_text, settle

from store.datasets import dataset, user_events
from store.enums import Split
from store.evaluations import evaluations, ranks
from store.workspace import Workspace
from tests import small_shop
from workbench.application import Workbench
from workbench.ui.table import Table
from workbench.ui.ui_state import UsersChoice
from workbench.users.side_panel import position_text
from workbench.users.user_event import read_user_event, read_users


def test_the_position_of_a_target_in_words() -> None:
    from workbench.users.user_event import Position

    assert position_text(Position(11, 3, 1682)).plain == "rank 12 of 1,682, tied with 3 (12–15, 13.5 expected)"
    assert position_text(Position(0, 0, 5)).plain == "rank 1 of 5"
    assert position_text(Position(5, 0, 5)).plain == "a miss: the target is none of the 5 candidates"


def test_lists_positions_and_scores_are_those_that_were_stored(workspace: Workspace) -> None:
    with workspace.read() as db:
        stored = {e.model: (e, ranks(db, e)) for e in evaluations(db, dataset="movielens-small")}
    left, found = stored["only"]
    right, other = stored["pop"]
    for row in (0, 17, 59):
        for seen in ("keep", "mask"):
            choice = UsersChoice("movielens-small", "", int(found.event[row]), left.key, right.key, 50, seen)
            user_event = read_user_event(workspace, choice).user_event
            assert user_event is not None
            for side, own in ((user_event.left, found), (user_event.right, other)):
                assert side is not None
                assert side.position is not None
                suffix = "_masked" if seen == "mask" else ""
                assert side.position.better == getattr(own, f"better{suffix}")[row]
                assert side.position.tied == getattr(own, f"tied{suffix}")[row]
                items = getattr(own, f"top_items{suffix}")[row]
                assert [pick.item.item for pick in side.picks] == [int(i) for i in items if i >= 0]
                scores = getattr(own, f"top_scores{suffix}")[row][: len(side.picks)]
                np.testing.assert_allclose([pick.score for pick in side.picks], scores)
                target = [pick.position for pick in side.picks if pick.is_target]
                low, high = side.position.better + 1, side.position.better + 1 + side.position.tied
                assert not target or low <= target[0] <= high
                assert seen == "keep" or not any(pick.owned for pick in side.picks)


def test_history_is_oldest_first_and_never_holds_the_target_event(workspace: Workspace) -> None:
    user_event = read_user_event(workspace, UsersChoice("movielens-small", "user00003"), "user").user_event
    assert user_event is not None
    assert user_event.user == "user00003"
    stamps = [history_row.timestamp for history_row in user_event.history]
    assert stamps == sorted(stamps)
    assert user_event.target.timestamp > stamps[-1]
    assert user_event.event.split == "test"
    assert user_event.length == len(user_event.history) == user_event.event.length


def test_next_and_previous_walk_all_covered_events_and_stop_at_the_ends(workspace: Workspace) -> None:
    choice = UsersChoice("shop-garden")
    seen = []
    step = ""
    for _ in range(32):
        user_event = read_user_event(workspace, choice, step).user_event
        seen.append(user_event.user)
        choice.event, step = user_event.event.event, "next"
    assert seen[:30] == [f"user{n:05d}" for n in range(30)]
    assert seen[30:] == ["user00029", "user00029"]
    assert read_user_event(workspace, choice, "previous").user_event.user == "user00028"


def test_random_stays_among_the_events_that_the_left_evaluation_covers(workspace: Workspace) -> None:
    small = shop.evaluate(workspace, "pop", "movielens-small", sample=3)
    choice = UsersChoice("movielens-small", left=small.key)
    users = {read_user_event(workspace, choice, "random").user_event.user for _ in range(20)}
    assert users <= {"user00000", "user00001", "user00002"}


def test_an_event_that_no_evaluation_covers_says_what_to_run(workspace: Workspace) -> None:
    small = shop.evaluate(workspace, "pop", "movielens-small", sample=3)
    choice = UsersChoice("movielens-small", "user00050", left=small.key)
    user_event = read_user_event(workspace, choice, "user").user_event
    assert user_event.left.position is None
    user_event = read_user_event(workspace, UsersChoice("shop-kitchen")).user_event
    assert user_event is not None
    assert user_event.left is None


def test_paging_gives_every_user_once(workspace: Workspace) -> None:
    shop.add_dataset(workspace, "many", users=450, items=20, seed=4)
    found, after = [], ""
    while page := read_users(workspace, "many", "user", after).users:
        found += [key for _, key in page]
        after = found[-1]
    assert found == [f"user{n:05d}" for n in range(450)]
    assert read_users(workspace, "many", "user0042").total == 10
    assert read_users(workspace, "many", "nobody").users == ()
    assert read_users(workspace, "many", "%").total == 0


async def test_search_opens_the_user_and_the_list_grows_at_its_end(workspace: Workspace) -> None:
    shop.add_dataset(workspace, "many", users=450, items=20, seed=4)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5 d g enter")
        assert "Users  200 of 450" in screen_text(app)
        app.screen.query_one("#people-list").focus()
        await press(pilot, "G")
        assert "Users  400 of 450" in screen_text(app)
        await press(pilot, "slash u s e r 0 0 4 2 enter")
        assert "user00420" in screen_text(app)
        assert app.ui_state.users.user == "user00420"
        assert app.screen.focused.id == "history"
        assert "st5 evaluate only --datasets many" in screen_text(app).replace("\n", " ")


async def test_a_user_without_events_is_named_and_the_shown_one_stays(workspace: Workspace) -> None:
    with workspace.write() as db:
        own = dataset(db, "movielens-small")
        db.execute("INSERT INTO user (dataset_id, user, key) VALUES (?, 999, 'zoe')", (own.id,))
        assert user_events(db, own.id, 999) == []
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5 slash z o e enter")
        assert "zoe has no event to predict" in notifications(app)
        assert app.is_running


async def test_top_seen_and_models_switch_by_key(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        picks = app.screen.query_one("#left-picks", Table)
        assert picks.row_count == 10
        await press(pilot, "plus")
        assert picks.row_count == 50
        await press(pilot, "minus x")
        assert "• in history" in screen_text(app)
        await press(pilot, "a g enter")
        assert re.search(r"^.*a  pop  ", screen_text(app), re.MULTILINE)
        await press(pilot, "tab enter")
        assert "Item" in screen_text(app)


async def test_without_timestamps_and_ratings_the_columns_say_so(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    shop.add_dataset(workspace, "ordered", users=5, items=20, seed=5, timed=False)
    user_event = read_user_event(workspace, UsersChoice("ordered")).user_event
    assert user_event.history[0].timestamp is None
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        assert "–" in screen_text(app)


async def test_an_unknown_key_is_reported(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5 slash Z Z Z enter")
        assert "Users  0  no key begins with ZZZ" in screen_text(app)
        assert app.ui_state.users.user == "user00000"
        await press(pilot, "escape")
        assert "user00000  1 event" in screen_text(app)


@pytest.mark.parametrize(
    ("keys", "heading", "words"),
    [("5 z", "user00000  1 event", "16  2014-09-25"), ("5 tab z", "a  only", "target's score 0.6262")],
)
async def test_a_part_has_the_whole_screen_with_its_heading_until_escape(
    workspace: Workspace, keys: str, heading: str, words: str
) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, keys)
        rows = screen_text(app).splitlines()
        assert "[5 Users]" in rows[0]
        assert rows[1].strip().startswith(heading)
        assert words in screen_text(app)
        assert "Esc Back" in rows[-1]
        assert rows[-1].endswith("q Quit")
        assert "b  last-item" not in screen_text(app)
        await press(pilot, "escape")
        assert "b  last-item" in screen_text(app)
        assert "Esc Back" not in screen_text(app)


async def test_a_long_choice_is_filtered_and_the_filter_is_recalled(workspace: Workspace) -> None:
    for number in range(20):
        shop.add_model(workspace, f"rival-{number:02d}")
        shop.evaluate(workspace, f"rival-{number:02d}", "movielens-small", sample=5)
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5 a")
        assert "/ filters · Enter chooses" in screen_text(app)
        await press(pilot, "slash L - 1 3")
        assert "The left model  1 of 24" in screen_text(app)
        await press(pilot, "enter enter")
        assert "a left rival-13" in screen_text(app)
        await press(pilot, "a slash r i v a l - 9 9")
        assert "The left model  0 of 24" in screen_text(app)
        await press(pilot, "enter enter")  # nothing to choose
        assert "The left model  0 of 24" in screen_text(app)
        await press(pilot, "slash escape")
        assert "rival-12" in screen_text(app)
        await press(pilot, "slash")
        assert "rival-99" in screen_text(app)
        await press(pilot, "escape escape")
        assert "a left rival-13" in screen_text(app)


async def test_a_text_is_copied_whole_and_into_a_file_where_it_is_too_long(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # which is remembered otherwise
    story = "Once upon a time. " * 5_000
    with workspace.write() as db:
        db.execute("UPDATE item SET description = ?, title = ?", (story, "word " * 200))
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5 y")
        assert app.clipboard.count("word ") < 200
        assert "…" in app.clipboard  # a row's cut is seen
        await press(pilot, "enter y")
        written = re.search(r"see (\S+\.txt)", notifications(app))
        assert written is not None
        assert story.strip() in Path(written[1]).read_text(encoding="utf-8")
        assert Path(written[1]).stat().st_mode & 0o077 == 0


@pytest.fixture
def long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """One user with 90 films before the target, and one with 20; two models are evaluated."""
    monkeypatch.chdir(tmp_path)
    workspace = Workspace(Path("long"))
    films = [f"Film {number}" for number in range(91)]
    marks = [(90, Split.TEST), (20, Split.TEST)]
    histories = [(f"u{user}", range(mark[0] + 1), [mark]) for user, mark in enumerate(marks)]
    small_shop.add(workspace, "films", films, ["Drama"] * 91, histories)
    for name in ("only", "pop"):
        shop.add_model(workspace, name)
        shop.evaluate(workspace, name, "films")
    return workspace


def target_lines(app: Workbench) -> int:
    """How often the screen shows the target with its day, as a row of the history or in a line of its own."""
    return len(re.findall(r"»  +\d+  1970-01-01", screen_text(app)))


@pytest.mark.parametrize("width", [80, 120, 200])
async def test_the_target_is_always_in_sight(long: Workspace, width: int) -> None:
    app = Workbench(long, readonly=True)
    async with app.run_test(size=(width, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        table = app.screen.query_one("#history", Table)
        for keys in ("G", "g", "z", "z 1 5", "n"):
            await press(pilot, keys)
            for height in (22, 34, 24):
                await pilot.resize_terminal(width, height)
                await settle(pilot)
                assert target_lines(app) == 1, (keys, height, screen_text(app))
                cursor = table.cursor_row + 1 - table.scroll_offset.y
                assert 0 < cursor < table.size.height, (keys, height, screen_text(app))


async def test_a_scrolled_history_keeps_its_target_below(long: Workspace) -> None:
    app = Workbench(long, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        assert not app.screen.query_one("#history-target").display
        await press(pilot, "g")
        check_snapshot(app, "users-scrolled-80x24")
        await press(pilot, "G")
        assert not app.screen.query_one("#history-target").display


async def test_the_cursor_stays_where_it_is_when_the_same_event_is_read_again(long: Workspace) -> None:
    app = Workbench(long, readonly=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5 g j j")
        table = app.screen.query_one("#history", Table)
        shop.add_model(long, "bm25")
        shop.evaluate(long, "bm25", "films")  # a job's evaluation: other models are shown now
        await poll(pilot)
        assert "bm25" in screen_text(app)
        assert table.cursor_row == 2
        await pilot.resize_terminal(120, 40)
        await settle(pilot)
        assert table.cursor_row == 2
        await press(pilot, "n")
        assert table.cursor_row == table.row_count - 1  # the target of another event
