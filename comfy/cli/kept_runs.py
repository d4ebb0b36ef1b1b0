"""Folder in which a command records its runs, to resume after an interruption."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from comfy.batches.queue import BatchQueue
from comfy.chains.queue import ChainQueue
from comfy.cli.options import api_key
from comfy.cli.outcome import StopSignals, UsageError
from comfy.comfyui.servers.pool import ServerPool
from comfy.launch.payment import Payment
from comfy.launch.start import Starter
from comfy.launch.uploads import UploadLimits
from comfy.library.forms import Forms
from comfy.prompt.wildcards import LinesOf
from comfy.records.blobs import BlobStore, HistoryLimits
from comfy.records.database import sqlite_address
from comfy.records.store import RunStore
from comfy.runs.limits import ChainLimits, RunLimits
from comfy.runs.registry import LocalRunRegistry

_AHEAD = 2  # runs sent to the server at the same time
_NO_LIMITS = RunLimits(sys.maxsize, sys.maxsize, sys.maxsize, sys.maxsize)
NO_CHAIN_LIMITS = ChainLimits(*[sys.maxsize] * 3)


@contextmanager
def starter_in(
    folder: Path,
    servers: ServerPool,
    forms: Forms,
    signals: StopSignals,
    wildcards: LinesOf | None = None,
) -> Iterator[Starter]:
    """Yield a starter with a folder's recorded runs; a signal stops them. `wildcards`: see
    `Starter`. Raises UsageError if another program uses the folder."""
    files = BlobStore(folder)
    limits = HistoryLimits(math.inf, sys.maxsize)
    with closing(RunStore(sqlite_address(folder), files, limits)) as history:
        if not files.ours:
            raise UsageError("Another program is using this folder.", "Wait until it finishes.")
        runs = LocalRunRegistry(servers, history, ahead=_AHEAD, limits=_NO_LIMITS, api_key=api_key)
        with signals.ending(partial(stop_runs, runs, servers)), closing(runs):
            uploads = UploadLimits(file=None, run=math.inf)
            starter = Starter(runs, forms, files, servers, uploads, wildcards=wildcards)
            yield replace(starter, payment=Payment(api_key))


@contextmanager
def closed_after(starter: Starter, queue: BatchQueue | ChainQueue) -> Iterator[None]:
    """End the runs and the queue's threads after the block, before their database is closed."""
    try:
        yield
    finally:
        starter.runs.close()
        queue.close()


def stop_runs(runs: LocalRunRegistry, servers: ServerPool) -> None:
    """Stop all runs, on the server too, then the pending requests to the servers. Runs of a batch
    or chain continue with `--resume`."""
    for run in runs.known():
        if not run.record.group:
            run.cancel()
    runs.close()
    servers.abort()


def check_new(folder: Path, what: str, *, resume: bool) -> None:
    """Raise UsageError if a folder has earlier runs and the user doesn't resume. `what` names the
    kind of work in the message."""
    # Unlike `Path.exists`, doesn't raise without permission.
    if os.path.exists(folder) and not resume:
        raise UsageError(
            f"This {what} was already started in this folder.",
            "Add --resume to continue it, or choose another folder with --out.",
        )
