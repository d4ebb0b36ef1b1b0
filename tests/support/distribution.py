"""Distribution of tests over processes with `python -m pytest -n auto`, the tests that run with
`--pure`, and the number of examples that a property test draws."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

# Tests that need no server, browser or other program, except for the corpora of real workflows.
PURE = (
    "base/test_json_values.py",
    "comfyui/protocol",
    "comfyui/test_object_info.py",
    "prompt",
    "graph",
    "media",
    "paid",
    "requirements",
    "workflow",
    "form",
    "library/test_folder.py",
    "launch/test_row_judge.py",
    "batches/test_tables.py",
    "batches/test_values.py",
    "chains/test_chain_fields.py",
    "chains/test_chain_files.py",
    "templates/test_index.py",
    "webhooks",
    "ui/documents",
    "runs/test_line.py",
    "runs/test_plan.py",
    "records/test_serialization.py",
    "test_architecture.py",
)
ROOT = Path(__file__).parents[2]
PROCESSES_PER_CORE = 2  # where one waits for a server or a browser, another works

# Few tests that take long: they begin early, so that no process is alone with one in the end.
LONG = (
    *("/walk/", "/test_reattach.py", "/test_fuzz.py", "/test_names_of_files.py", "/test_app.py"),
    *("/groups/nightly/", "/test_runs.py", "/nightly/test_shared.py", "/nightly/test_pages.py"),
    "/nightly/test_without.py",
)

# A test file that contains one of these starts processes of `tests/support/app_process.py`, or of a
# plugin's package `app_processes`. Their fork server imports the whole app again, which takes 4 s of
# processor time.
FORKING = (
    *("from tests.support.app_process", ".tests.app_processes"),
    *("killed_life", "killed_registry", "tests.records.programs"),
)

PROFILES = {False: "push", True: "nightly"}  # by --nightly
_ALL, _SOME = 100, 5

# Slow data generation means a slow machine, not a fault in the tested code.
settings.register_profile(
    PROFILES[True],
    deadline=None,
    max_examples=_ALL,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(PROFILES[False], settings.get_profile(PROFILES[True]), max_examples=_SOME)


def examples(count: int) -> int:
    """Return `count` with --nightly, or a twentieth of it without."""
    return max(1, count * settings().max_examples // _ALL)


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    r"""Scheduler that runs each test file in one process: long files first, then the files with the
    most tests.

    Browser tests run in only one process per core, which runs nothing else until they are done.
    Tests that fork an app run in the first process only, with --nightly in the first core's, before
    other tests. Each painting browser occupies a core, and more browsers would delay each other.
    """

    assigned_work: dict[WorkerController, dict[str, dict[str, bool]]]
    processes = 0

    def schedule(self) -> None:
        """Sort the processes. If there are fewer files than processes, the last processes exit,
        because the first ones can run any file."""
        self.assigned_work = dict(sorted(self.assigned_work.items(), key=lambda it: _number(it[0])))
        self.processes = len(self.assigned_work)
        super().schedule()

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
        """Return the next test file for this process, or None. A file without a browser or a forked
        app may run anywhere."""
        number = _number(node)
        browses = number % PROCESSES_PER_CORE == 0
        forking = PROCESSES_PER_CORE if self.config.getoption("--nightly") else 1
        forks = number < forking or number >= self.processes  # or takes the place of a crashed one

        def fits(file: str) -> bool:
            return (browses or "/browser/" not in file) and (forks or not _forks(file))

        def later(file: str) -> tuple[bool, bool, bool]:
            return (
                forks and not _forks(file),
                ("/browser/" in file) is not browses,
                not any(part in file for part in LONG),
            )

        return min(filter(fits, self.workqueue), key=later, default=None)


def _number(node: WorkerController) -> int:
    return int(node.gateway.id.removeprefix("gw"))


@functools.cache
def _forks(file: str) -> bool:
    text = (ROOT / file).read_text(encoding="utf-8")
    return any(name in text for name in FORKING)
