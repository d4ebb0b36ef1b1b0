"""Frames of 20 runs from one process to two others over Redis: delay, processor time, and a watcher
that freezes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from comfyforms.plugins.cluster.messaging.wire import Wire
from comfyforms.plugins.cluster.tests.benchmarks.wire_watcher import RUNS, STAMP
from comfyforms.plugins.cluster.tests.redis import RedisServer, running_redis
from tools.benchmarks.tools.figure import Figure, median, percentile

_FRAME = os.urandom(30_000)
_PAUSE, _FRAMES = 0.1, 100


def measure() -> list[Figure]:
    """Measure with two watchers, and with a third one that is frozen all the time."""
    with running_redis() as redis:
        free = _measured(redis)
    with running_redis() as redis:
        beside_frozen = _measured(redis, frozen=True)
    print(f"  (load {os.getloadavg()[0]:.1f})", flush=True)
    sent = RUNS * _FRAMES
    delayed = percentile(beside_frozen.lags, 0.95) - percentile(free.lags, 0.95)
    arrived = min(len(free.lags), len(beside_frozen.lags)) / (2 * sent)
    return [
        Figure("wire: frames that arrive", 100 * arrived, "%", 99, at_least=True),
        Figure("wire: delay of frames, p50", 1000 * median(free.lags), "ms", 5),
        Figure("wire: delay of frames, p95", 1000 * percentile(free.lags, 0.95), "ms", 20),
        Figure("wire: processor time a frame", 1000 * free.seconds / sent, "ms", 2.5),
        Figure("wire: p95 added by a frozen watcher", 1000 * delayed, "ms", 50),
    ]


@dataclass(frozen=True, slots=True)
class _Measured:
    """Seconds that each frame took to each watcher, and processor time of all processes."""

    lags: list[float]
    seconds: float


def _measured(redis: RedisServer, *, frozen: bool = False) -> _Measured:
    with contextlib.ExitStack() as stack:
        wire = Wire(redis.url, "publisher")
        stack.callback(wire.close)
        watchers = [stack.enter_context(_watcher(redis.url)) for _ in range(2)]
        if frozen:
            sleeper = stack.enter_context(_watcher(redis.url))
            sleeper.send_signal(signal.SIGSTOP)
            stack.callback(sleeper.send_signal, signal.SIGCONT)
        before = time.process_time() + redis.seconds()
        _publish(wire)
        seconds = time.process_time() + redis.seconds() - before
        lags: list[float] = []
        for watcher in watchers:
            answer = json.loads(watcher.communicate("end\n", timeout=30)[0])
            lags += answer["lags"]
            seconds += answer["seconds"]
        return _Measured(lags, seconds)


@contextlib.contextmanager
def _watcher(url: str) -> Iterator[subprocess.Popen[str]]:
    command = sys.executable, "-m", "comfyforms.plugins.cluster.tests.benchmarks.wire_watcher", url
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as watcher:
        assert watcher.stdout is not None
        assert watcher.stdout.readline() == "ready\n"
        try:
            yield watcher
        finally:
            watcher.kill()


def _publish(wire: Wire) -> None:
    """Publish the frames of all runs, each from its own thread, as runs do."""

    def publish(run: int) -> None:
        begin = time.monotonic() + run * _PAUSE / RUNS
        for number in range(_FRAMES):
            time.sleep(max(0.0, begin + number * _PAUSE - time.monotonic()))
            stamp = struct.pack(STAMP, time.monotonic())
            wire.publish(f"frames:{run}", stamp + _FRAME, key="frame")

    threads = [threading.Thread(target=publish, args=(run,)) for run in range(RUNS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time.sleep(0.5)  # the last frames are on their way
