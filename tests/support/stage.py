"""A stand-in with controllable faults. Its sampler works until a test releases it, or for a number
of steps."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import websocket
from PIL import Image

from comfy.records.record import Job
from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import Inputs, Latent, NodeResult, NodeRun
from comfyui_standin.nodes.registry import NODES
from tests.support.sampler import prompt
from tests.support.waiting import LONGEST_WAIT

STEP = 0.02  # seconds
MOST_STEPS = 1500
LIMIT = 20.0  # seconds for anything at all


class HeldServer:
    """Stand-in server whose sampler holds each `job` until the test releases it."""

    def __init__(self) -> None:
        self._seeds = itertools.count(1)
        self._may_finish: dict[int, threading.Event] = {}
        sampler = replace(NODES["KSampler"], run=self._sample)
        self.demo = DemoServer(step_seconds=0, load_seconds=0, nodes={**NODES, "KSampler": sampler})

    def job(self) -> tuple[Job, threading.Event]:
        """Return a unique prompt, and an event that lets its sampler finish."""
        seed = next(self._seeds)
        self._may_finish[seed] = threading.Event()
        return Job(prompt(seed), "test"), self._may_finish[seed]

    def rest(self) -> None:
        """Reset the stand-in: no faults and an empty queue."""
        self.demo.behave()
        self.demo.queue.clear()
        for may_finish in self._may_finish.values():
            may_finish.set()
        until(lambda: self.demo.queue.remaining() == 0, "an empty queue")

    def _sample(self, run: NodeRun, inputs: Inputs) -> NodeResult:
        seed = inputs["seed"]
        may_finish = self._may_finish.get(seed)
        total = MOST_STEPS if may_finish is not None else inputs["steps"]
        image = Image.new("RGB", (64, 64), (seed % 256, seed // 256 % 256, 90))
        for step in range(1, total):
            if may_finish is not None and may_finish.is_set():
                break
            run.wait(STEP)
            run.step(step, total, lambda: image)
        run.step(total, total, lambda: image)
        return NodeResult((Latent(64, 64, (image,)),))


def until(true: Callable[[], object], what: str, seconds: float = LIMIT) -> None:
    """Wait until `true()` holds. Raises AssertionError after this many seconds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited {seconds:g} s in vain: {what}"
        threading.Event().wait(0.005)


@contextmanager
def reader_that_sleeps(url: str) -> Iterator[None]:
    """Connect another client that opens a socket to the server and never reads from it."""
    small = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]
    address = f"ws{url.removeprefix('http')}/ws?clientId=sleeper"
    connection = websocket.create_connection(
        address, timeout=LONGEST_WAIT, sockopt=small, suppress_origin=True
    )
    try:
        yield
    finally:
        connection.shutdown()  # type: ignore[no-untyped-call]
