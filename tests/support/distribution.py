"""Which tests run where: `python -m pytest -n auto`, and `--pure` for those that take seconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet
    from xdist.workermanage import WorkerController

# What needs no server, browser or other program, except for the corpora of real workflows in it.
PURE = (
    "protocol",
    "prompt",
    "graph",
    "media",
    "workflow",
    "form",
    "batches",
    "chains",
    "webhooks",
    "ui/view",
    "runs/test_fair_queue.py",
    "runs/test_plan.py",
    "runs/test_reconnect.py",
    "runs/test_threads.py",
    "records/test_serialization.py",
    "test_architecture.py",
    "test_json_values.py",
)
PROCESSES_PER_CORE = 2  # where one waits for a server or a browser, another works

# Few tests that take long: they begin early, so that no process is alone with one in the end.
LONG = ("/walk/", "/test_reattach.py", "/test_fuzz.py", "/test_names_of_files.py", "/test_app.py")


def pairs(rows: Iterable[object], columns: Iterable[object]) -> list[ParameterSet]:
    """Each row with each column, for `parametrize`; without --every a few of them, in which each row
    and each column has some."""
    first, second = list(rows), list(columns)
    apart = min(len(first), len(second))
    return [
        pytest.param(row, column, marks=() if (at - other) % apart == 0 else pytest.mark.every)
        for at, row in enumerate(first)
        for other, column in enumerate(second)
    ]


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """A file's tests in one process, long ones and then the files with most tests first; browser
    tests in one process of each core only, and nothing else there while there are any.

    Each browser takes a core for itself while it paints, and more of them than that make each other
    late.
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        if file := self._fitting(node):
            self.workqueue.move_to_end(file, last=False)
            super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        if self._fitting(node) is None:
            node.shutdown()
        else:
            super()._reschedule(node)

    def _fitting(self, node: WorkerController) -> str | None:
        """The next file for this process, None where there is none; other tests go anywhere."""
        browses = int(node.gateway.id.removeprefix("gw")) % PROCESSES_PER_CORE == 0

        def later(file: str) -> tuple[bool, bool]:
            return ("/browser/" in file) is not browses, not any(part in file for part in LONG)

        files = sorted(self.workqueue, key=later)
        return next((file for file in files if browses or "/browser/" not in file), None)
