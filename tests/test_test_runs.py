"""What a run of tests shows and what it may not leave behind, shown on small suites in processes of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from tests import order

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parents[1]
FEW = """
    import pytest

    def test_passes(): pass

    def test_fails(): assert 1 + 1 == 3, "the whole message"

    @pytest.mark.parametrize("n", range(2))
    def test_of_latex(n): pytest.skip("no pdflatex on this machine")
"""
LEAVES = """
    import os, pathlib, subprocess, tempfile

    def test_leaves_a_file(): pathlib.Path(tempfile.gettempdir(), "st5-forgotten").touch()

    def test_leaves_a_process(): subprocess.Popen(["sleep", "1000"], start_new_session=True)
"""
WAITS = """
    import pathlib, subprocess, tempfile

    def test_waits():
        child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        pathlib.Path(STARTED).write_text(f"{child.pid} {tempfile.gettempdir()}")
        child.wait()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of the small suites, as it would be of the user who runs them."""
    folder = tmp_path / "t"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # most plugins take seconds to load
    return folder


def options(processes: int) -> list[str]:
    plugins = ["xdist", "randomly", "tests.surroundings", "tests.progress_report", "no:cacheprovider"]
    return [*(word for plugin in plugins for word in ("-p", plugin)), f"-n{processes}", "--dist=loadfile"]


@pytest.mark.parametrize("processes", [0, 2])
def test_a_run_shows_a_line_per_file_whole_failures_and_why_tests_were_skipped(
    pytester: pytest.Pytester, temporary: Path, processes: int
) -> None:
    pytester.makepyfile(test_few=FEW, test_more="def test_one(): pass\ndef test_two(): pass")
    result = pytester.runpytest_subprocess(*options(processes))
    lines = [re.sub(r" +", " ", re.sub(r"\d+\.\d+ s", "# s", line)).strip() for line in result.outlines]
    assert sum(bool(re.fullmatch(r"\d+% test_more.py # s 2 passed", line)) for line in lines) == 1, result.outlines
    [few] = [line for line in lines if "% test_few.py" in line]
    assert sorted(few.partition("# s ")[2].split(", ")) == ["1 failed", "1 passed", "2 skipped"]
    assert not [line for line in lines if re.fullmatch(r"(\S+\.py )?[.sF]+( \[ ?\d+%\])?", line)]  # no dots
    assert "FAILED test_few.py::test_fails" in lines
    assert "E AssertionError: the whole message" in lines
    assert "2 no pdflatex on this machine – apt-get install texlive-latex-base" in lines
    assert any("--randomly-seed=" in line for line in lines)
    result.assert_outcomes(passed=3, failed=1, skipped=2)


def test_a_run_that_leaves_something_behind_fails_and_says_what(pytester: pytest.Pytester, temporary: Path) -> None:
    pytester.makeconftest("from tests import surroundings\nsurroundings.ENDS_S = 0.1")  # of 1000 seconds
    pytester.makepyfile(LEAVES)
    result = pytester.runpytest_subprocess(*options(2))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*left behind by the tests*", "process *: sleep 1000", "file */st5-forgotten"])
    result.assert_outcomes(passed=2)
    assert not list(temporary.glob("st5-*"))


@pytest.mark.parametrize(("processes", "number"), [(0, signal.SIGTERM), (2, signal.SIGINT)])
def test_a_run_that_is_interrupted_leaves_nothing_behind(
    pytester: pytest.Pytester, temporary: Path, processes: int, number: int
) -> None:
    started = temporary.parent / "started"
    os.mkfifo(started)
    pytester.makepyfile(f"STARTED = {str(started)!r}\n" + re.sub("^    ", "", WAITS, flags=re.M))
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *options(processes)], cwd=pytester.path, stdout=subprocess.PIPE, text=True
    ) as run:
        child, folder = started.read_text().split()  # waits for the test
        run.send_signal(number)
        output, _ = run.communicate(timeout=60)
    assert run.returncode == pytest.ExitCode.INTERRUPTED, output
    assert not psutil.pid_exists(int(child)), output
    assert not Path(folder).parent.exists(), output


def test_the_settings_of_a_user_do_not_reach_the_tests(
    pytester: pytest.Pytester, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "ST5_WORKSPACE", "EDITOR"):
        monkeypatch.setenv(name, "77")
    monkeypatch.delenv("HOME")
    pytester.makepyfile(
        """
        import os, pathlib, tempfile

        def test_settings():
            assert not {"COLUMNS", "FORCE_COLOR", "ST5_WORKSPACE", "EDITOR"} & set(os.environ)
            assert os.path.isdir(os.environ["HOME"])
            assert len(os.environ["XDG_RUNTIME_DIR"]) < 80
            assert tempfile.gettempdir() == os.environ["TMPDIR"]
        """
    )
    pytester.runpytest_subprocess(*options(2)).assert_outcomes(passed=1)


def test_this_run_has_its_own_temporary_folder() -> None:
    assert "st5-tests-" in tempfile.gettempdir()


def test_every_file_that_is_named_for_its_order_exists() -> None:
    for name in {*order.SLOW, *order.PROCESSES}:
        assert (order.TESTS / f"{name}.py").is_file()
