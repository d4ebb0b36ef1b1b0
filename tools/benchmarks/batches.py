r"""Measure a batch of a thousand rows: processor time, memory, and the time added to the same
prompts sent by a bare script.

On two shared cores, a row took 7.6 to 11 ms of processor time. A run of a bare script that also
requests history and file took 3.5 to 4.3 ms. A later version, faster by a fifteenth, took 13.1 to
14.3 ms against 6.9 to 7.5 on cores with eight times the load. HTTP takes a quarter of a row, the
messages and states a fifth, the records a sixth, the form and the prompt an eighth, and the file a
twelfth. Run separately in a loop, each takes a third of that. The rest is the cost of waking a
thread, 73 times per row. It isn't contention for the interpreter, as a single core takes just as
long.

A row's own socket and handshake, with their threads, take a tenth: 1.1 of 11 ms. A single socket
for all rows of a batch on a server would save that, but the server finds a prompt's socket by the
client id sent with the prompt. A row would receive late messages of the previous row, a reconnected
socket would serve both, and a run that continues after a restart couldn't derive its client id.

A row that takes seconds costs half as much again, 20 ms instead of 13 to 15, because the processor
has done other work since the last message. A real server shows the same: 20 to 22 ms.
"""

from __future__ import annotations

import contextlib
import gc
import json
import multiprocessing
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import requests
import websocket

from comfy.batches.open_batch import BatchSummary
from comfy.batches.spec import AxisSpec, BatchSpec
from comfy.prompt.model import Prompt
from comfy.runs.interface import Origin
from comfyui_standin import DemoServer
from tests.batches.kept_batches import ANN, Batches, kept_batches
from tests.support.sampler import prompt
from tools.benchmarks.tools.figure import Figure
from tools.benchmarks.tools.kept_journal import KeptJournal

ROWS = 1000
WARM = 1000  # rows until memory stops growing: the caches of the database are full
ROW_SECONDS = 0.1  # short rows, as the cost of a row (10 ms) would be 2 % of half a second
_TIMEOUT = 60


def measure() -> list[Figure]:
    """Measure the processor time per row if rows take no time on the server, the memory growth from
    the 1,000th row to the last, and the time that each of 1,000 rows adds to raw submission."""
    with (
        stand_in(0) as url,
        tempfile.TemporaryDirectory() as folder,
        kept_batches(url, Path(folder)) as one,
    ):
        whole_batch(one, range(WARM))
        memory, before, began = memory_now(), time.process_time(), time.monotonic()
        whole_batch(one, range(WARM, WARM + ROWS))
        taken, lasted = time.process_time() - before, time.monotonic() - began
        grown = memory_now() / memory
    with stand_in(ROW_SECONDS) as url, tempfile.TemporaryDirectory() as folder:
        with kept_batches(url, Path(folder)) as one:
            whole_batch(one, range(2))
            began = time.monotonic()
            whole_batch(one, range(2, 2 + ROWS))
            ours = time.monotonic() - began
        raw = submitted(url, [prompt(at, 1) for at in range(5000, 5000 + ROWS)])
    added = (ours - raw) / ROWS
    return [
        Figure("batches: processor time a row", taken / ROWS * 1000, "ms", 5),
        Figure("batches: rows a second", ROWS / lasted, "", 0, at_least=True),
        Figure("batches: memory after 2,000 rows / after 1,000", grown, "ratio", 1.05),
        Figure("batches: added to a row of raw submission", added * 1000, "ms", 10),
    ]


def whole_batch(one: Batches, seeds: range, steps: int = 1, **values: object) -> None:
    """Run a batch with a row for each of these seeds until it is done. `values`: the other
    values."""
    news = threading.Event()
    leave = one.batches.subscribe(lambda _: news.set())
    batch = begun_batch(one, seeds, steps, **values)
    while (ended := one.batches.get(batch.id, ANN)).state == "running":
        news.wait()  # asking now and then would count as processor time of long rows
        news.clear()
    leave()
    assert (ended.state, ended.done) == ("done", len(seeds)), ended


def begun_batch(one: Batches, seeds: range, steps: int, **values: object) -> BatchSummary:
    spec = BatchSpec((AxisSpec("4.seed", f"{seeds[0]}..{seeds[-1]}"),))
    return one.batches.start("small", {"4.steps": steps, **values}, spec, Origin(ANN))


def submitted(url: str, prompts: list[Prompt]) -> float:
    """Return the seconds a server needs for these prompts if a script sends them all at once and
    waits for the last."""
    client, began = str(uuid.uuid4()), time.monotonic()
    stream = websocket.create_connection(
        f"ws{url.removeprefix('http')}/ws?clientId={client}", timeout=_TIMEOUT
    )
    try:
        with requests.Session() as http:
            ids = [str(uuid.uuid4()) for _ in prompts]
            for prompt_id, one in zip(ids, prompts, strict=True):
                body = {"prompt": one, "client_id": client, "prompt_id": prompt_id}
                http.post(f"{url}/prompt", json=body, timeout=_TIMEOUT).raise_for_status()
            while not _is_end(stream.recv(), ids[-1]):
                pass
    finally:
        stream.close()
    return time.monotonic() - began


def _is_end(frame: str | bytes, prompt_id: str) -> bool:
    if isinstance(frame, bytes):
        return False
    told = json.loads(frame)
    data = told["data"]
    at_end = told["type"] == "executing" and data["node"] is None
    return at_end and data.get("prompt_id") == prompt_id


def memory_now() -> int:
    """Return the number of memory pages that this process holds."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1])


@contextlib.contextmanager
def stand_in(
    step_seconds: float, *, painted: int = 64, journal: Path | None = None
) -> Iterator[str]:
    """Yield the address of a stand-in in its own process, which paints images at `painted` pixels
    at most. `journal`: the file that records the outcome of its prompts."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(there, step_seconds, painted, journal)
    )
    process.start()
    try:
        yield here.recv()
    finally:
        with contextlib.suppress(BrokenPipeError):  # it was killed
            here.send("end")
        process.join()


def _serve(told: Connection, step_seconds: float, painted: int, journal: Path | None) -> None:
    demo = DemoServer(step_seconds=step_seconds, painted=painted)
    if journal is not None:
        demo.journal = KeptJournal(journal)
    with demo:
        told.send(demo.url)
        told.recv()
