"""Time until a process shows what another one has changed, with Redis and without."""

from __future__ import annotations

import os
from collections.abc import Mapping

from comfyforms.plugins.cluster.tests.app_processes.notices import (
    SignedInBrowser,
    cluster_of_users,
    seconds_of_queue_changes,
    seconds_until_refused,
    users_file,
)
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from tools.benchmarks.tools.figure import Figure, median

_TIMES = 3
_NAMES = tuple(f"user-{number}" for number in range(2 * _TIMES))
_GOALS = {
    "with": {"sign-out": 1.0, "token": 1.0, "removal": 1.0, "a move": 0.3, "a stop": 0.3},
    "without": {"sign-out": 5.0, "token": 5.0, "removal": 5.0, "a move": 2.0, "a stop": 2.0},
}


def measure() -> list[Figure]:
    """Measure all changes three times each way."""
    figures = []
    with (
        cluster_of_users(*_NAMES) as users,
        running_cluster(apps=2, servers=1) as queue,
        queue.slow_servers(),
    ):
        names = iter(_NAMES)
        for wire, goals in _GOALS.items():
            if wire == "without":
                for cluster in (users, queue):
                    assert cluster.redis is not None
                    cluster.redis.stop()
            rounds = [
                {**_sign_ins(users, next(names)), **seconds_of_queue_changes(queue)}
                for _ in range(_TIMES)
            ]
            for change, goal in goals.items():
                seconds = median([one[change] for one in rounds])
                figures.append(Figure(f"cluster: {change}, {wire} the wire", seconds, "s", goal))
    print(f"  (load {os.getloadavg()[0]:.1f})", flush=True)
    return figures


def _sign_ins(cluster: Cluster, name: str) -> Mapping[str, float]:
    """Return the seconds until the second process refuses the credentials of a user."""
    second = cluster.apps[1]
    with SignedInBrowser(cluster, name) as browser:
        token = seconds_until_refused(second, browser.token(), browser.revoke_token)
        out = seconds_until_refused(second, browser.credentials, browser.sign_out)
    with SignedInBrowser(cluster, name) as browser:
        removed = seconds_until_refused(
            second, browser.credentials, lambda: users_file(cluster).remove(name)
        )
    return {"sign-out": out, "token": token, "removal": removed}
