"""Pages at three processes that watch one run: the first state of fifty, and the delay of previews
while a browser or a process is frozen."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from tools.benchmarks.tools.figure import Figure, percentile
from tools.benchmarks.tools.frames import FrameSource, numbered

_ROUNDS = 3
_APPS, _PAGES = 3, 17  # 17 pages at each process
_FEW, _FROZEN_PAGES = 2, 3  # pages at each process, beside a browser with this many
_FRAMES, _PAUSE = 80, 0.1  # seconds
_LONGEST = 120.0  # seconds for anything that is waited for


def measure() -> list[Figure]:
    """Measure alternately. Each figure is the median of three rounds."""
    for number in range(1, _FRAMES + 1):
        numbered(number)
    first, free, browser, process = [], [], [], []
    source = FrameSource(_FRAMES, _PAUSE)
    with (
        source.serve() as demo,
        running_cluster("--server", demo.url, apps=_APPS, servers=0) as cluster,
    ):
        watchers = _Watchers(cluster, source)
        for _ in range(_ROUNDS):
            first.append(watchers.first_states())
            free.append(watchers.late())
            browser.append(watchers.late(frozen_browser=True))
            process.append(watchers.late(frozen_process=True))
    print(f"  (load {os.getloadavg()[0]:.1f})", flush=True)
    slowest, usual = statistics.median(map(max, first)), statistics.median(free)
    frozen = [1000 * (statistics.median(some) - usual) for some in (browser, process)]
    return [
        Figure("watchers: first state of 51, slowest", slowest, "s", 0.5),
        Figure("watchers: delay of previews, p95", 1000 * usual, "ms", 100),
        Figure("watchers: p95 added by a frozen browser", frozen[0], "ms", 50),
        Figure("watchers: p95 added by a frozen process", frozen[1], "ms", 50),
    ]


class _Watchers:
    """Pages of a cluster, in processes of their own."""

    def __init__(self, cluster: Cluster, source: FrameSource) -> None:
        self._cluster, self._source = cluster, source
        self._client = ClusterClient(cluster)
        self._shown = threading.Event()
        source.begin = self._wait_for_pages

    def _wait_for_pages(self) -> None:
        """Hold back the frames of a run until its pages are open."""
        self._shown.wait(_LONGEST)
        self._shown.clear()

    def first_states(self) -> list[float]:
        """Return the seconds until each of many pages that are opened at once shows the run."""
        run = self._client.submit(at=self._cluster.apps[0])
        with self._pages(run, _PAGES, self._cluster.apps) as pages:
            self._shown.set()
            answer = json.loads(pages.communicate(timeout=_LONGEST)[0])
            return list(answer["first"])

    def late(self, *, frozen_browser: bool = False, frozen_process: bool = False) -> float:
        """Return the 95th percentile of the delay of previews at pages that aren't frozen."""
        apps = self._cluster.apps
        run = self._client.submit(at=apps[0])
        with ExitStack() as stack:
            asleep = stack.enter_context(self._pages(run, _FROZEN_PAGES, apps))
            pages = stack.enter_context(self._pages(run, _FEW, apps[:-1]))
            if frozen_browser:
                asleep.send_signal(signal.SIGSTOP)
            if frozen_process:
                apps[-1].freeze()
            self._shown.set()
            answer = json.loads(pages.communicate(timeout=_LONGEST)[0])
            self._client.ends([run])
            if frozen_process:
                apps[-1].wake()
                self._client.wait_for(run, "done", apps[-1])
        came = ((int(number), at) for page in answer["came"] for number, at in page.items())
        return percentile([at - self._source.sent[number] for number, at in came], 0.95)

    @contextmanager
    def _pages(
        self, run: str, count: int, apps: Sequence[AppProcess]
    ) -> Iterator[subprocess.Popen[str]]:
        """Open this many pages at each process until the end of the block."""
        module = "comfyforms.plugins.cluster.tests.benchmarks.pages_process"
        about = self._client.cookie, run, str(_FRAMES), str(count), *(app.url for app in apps)
        command = sys.executable, "-m", module, *about
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                yield process
            finally:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                process.kill()
