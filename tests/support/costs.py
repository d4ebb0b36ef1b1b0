"""Costs of the tests by file. On CI, the summary names the twenty most expensive files."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Generator

import pytest

_MOST = 20


class Costs:
    """Plugin that adds up seconds of wall time and of processor time, including ended child
    processes. `pytest-xdist` sends a report's attributes from the process that runs the test."""

    def __init__(self) -> None:
        self._used = _used()
        self._wall: defaultdict[str, float] = defaultdict(float)
        self._cpu: defaultdict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self,
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        before, self._used = self._used, _used()
        vars(report)["cpu"] = self._used - before
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file, _, _ = report.nodeid.partition("::")
        self._wall[file] += report.duration
        self._cpu[file] += report.cpu

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("most expensive test files: seconds of wall time, of a processor")
        for file in sorted(self._wall, key=self._wall.__getitem__, reverse=True)[:_MOST]:
            terminalreporter.line(f"{self._wall[file]:7.1f} {self._cpu[file]:7.1f}  {file}")
        wall, cpu = sum(self._wall.values()), sum(self._cpu.values())
        terminalreporter.line(f"{wall:7.1f} {cpu:7.1f}  in all {len(self._wall)} files")


def _used() -> float:
    """Return the seconds of a processor that this process and its ended children have used."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
