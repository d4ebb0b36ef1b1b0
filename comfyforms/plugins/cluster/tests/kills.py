"""Kills of processes at random moments, while runs are started all the time."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.pages import page_showing
from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess, TestedProcess
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster

LATEST = 1.5  # seconds from the start of runs to the next kill


def kill_often(
    client: ClusterClient,
    victims: Sequence[TestedProcess],
    spared: AppProcess | None = None,
    *,
    kills: int,
    seed: int,
) -> list[str]:
    """Kill and restart the victims at random moments. Start three runs before each kill, at any
    process. Return the runs' ids.

    Check that pages at the `spared` process show the ends of runs, and that their sockets aren't
    cut.
    """
    dice = random.Random(seed)
    run_ids: list[str] = []
    with ExitStack() as stack:
        pages = []
        for _ in range(kills):
            started = [client.submit(dice.randint(4, 30)) for _ in range(3)]
            run_ids += started
            if spared is not None:
                pages.append(stack.enter_context(page_showing(client, started[0], spared)))
            threading.Event().wait(dice.uniform(0, LATEST))
            dice.choice(victims).restart()
        for page in pages:
            page.wait_for("done")
            assert page.seen.cuts == 0, f"seed {seed}"
    return run_ids


def check_executed_once(cluster: Cluster, run_ids: Iterable[str]) -> None:
    """Check that each run was executed exactly once, to its end."""
    executions = cluster.executions()
    outcomes = {run_id: [one.outcome for one in executions.get(run_id, [])] for run_id in run_ids}
    wrong = {run_id: found for run_id, found in outcomes.items() if found != ["success"]}
    assert not wrong, wrong
