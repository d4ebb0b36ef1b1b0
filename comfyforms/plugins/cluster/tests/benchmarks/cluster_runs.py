"""Runs of two app processes: from submission to the prompt at its server, between two runs, and on
four servers against one."""

from __future__ import annotations

import os
import time
from itertools import pairwise

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, StandIn, running_cluster
from tools.benchmarks.tools.figure import Figure, median, percentile

_ALONE, _IN_A_ROW, _EACH = 30, 40, 12
_STEPS, _STEP_SECONDS = 10, 0.05


def measure() -> list[Figure]:
    """Measure with one server, then with four."""
    with running_cluster(apps=2, servers=1) as cluster:
        idle = _submissions(cluster)
        gaps = _gaps(cluster)
    ratio = _throughput(4) / _throughput(1)
    print(f"  (load {os.getloadavg()[0]:.1f})", flush=True)
    return [
        Figure("cluster: submit to prompt sent, idle, p50", 1000 * median(idle), "ms", 20),
        Figure(
            "cluster: submit to prompt sent, idle, p95", 1000 * percentile(idle, 0.95), "ms", 60
        ),
        Figure("cluster: gap between two runs, p50", 1000 * median(gaps), "ms", 30),
        Figure("cluster: 4 servers against 1", ratio, "", 3.8, at_least=True),
    ]


def _submissions(cluster: Cluster) -> list[float]:
    """Return the seconds from each submission to its prompt in the server's queue, one run after
    the other, alternately at both processes."""
    client, delays = ClusterClient(cluster), []
    for number in range(_ALONE):
        run = client.submit(1, at=cluster.apps[number % 2])
        client.ends([run])
        submitted_at = client.run(run)["submitted_at"]
        delays.append(_times(cluster.servers[0], "taken")[run] - submitted_at)
    return delays


def _gaps(cluster: Cluster) -> list[float]:
    """Return the seconds between the end of each run and the next prompt, while runs wait."""
    client = ClusterClient(cluster)
    runs = [client.submit(4, at=cluster.apps[number % 2]) for number in range(_IN_A_ROW)]
    client.ends(runs)
    server = cluster.servers[0]
    ends, starts = _times(server, "success"), _times(server, "taken")
    order = sorted(runs, key=starts.__getitem__)
    return [starts[after] - ends[before] for before, after in pairwise(order)]


def _throughput(servers: int) -> float:
    """Return the runs per second on this many servers."""
    with running_cluster(apps=2, servers=servers, step_seconds=_STEP_SECONDS) as cluster:
        client = ClusterClient(cluster)
        client.ends([client.submit(1, at=app) for app in cluster.apps])  # models are in memory
        began = time.time()
        count = _EACH * servers
        runs = [client.submit(_STEPS, at=cluster.apps[number % 2]) for number in range(count)]
        client.ends(runs)
        ended = max(end for one in cluster.servers for end in _times(one, "success").values())
        return count / (ended - began)


def _times(server: StandIn, entry: str) -> dict[str, float]:
    """Return when this event of each prompt happened."""
    return {prompt: at for at, what, prompt in server.events() if what == entry}
