"""What the app does again and again, for as long as it runs or somebody needs it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from comfy.base.errors import ComfyError

log = logging.getLogger(__name__)


async def repeated(
    job: Callable[[], Awaitable[object]], pause: float | Callable[[], Awaitable[object]]
) -> None:
    """Do the job at once and after each pause, in seconds or as this waits, until cancelled.
    Whatever it raises is logged, and it is done again after the next pause."""
    while True:
        try:
            await job()
        except ComfyError as problem:
            log.warning("%s %s", problem, problem.hint)
        except Exception:
            log.exception("A periodic job failed inside this program, and is tried again")
        await (pause() if callable(pause) else asyncio.sleep(pause))
