"""Periodic jobs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

from comfy.base.errors import ComfyError

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def background(*jobs: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run jobs during the block. Afterwards, cancel them and wait for their ends."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def repeated(
    job: Callable[[], Awaitable[object]], pause: float | Callable[[], Awaitable[object]]
) -> None:
    """Run the job now and after each pause until canceled. `pause` is in seconds, or a function
    that waits. An exception is logged, and the job runs again after the next pause."""
    while True:
        try:
            await job()
        except ComfyError as problem:
            log.warning("%s %s", problem, problem.hint)
        except Exception:
            log.exception("A periodic job failed with an internal error and will be retried")
        await (pause() if callable(pause) else asyncio.sleep(pause))
