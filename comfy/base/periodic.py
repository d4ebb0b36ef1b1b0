"""Periodic jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from comfy.base.errors import ComfyError

log = logging.getLogger(__name__)


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
