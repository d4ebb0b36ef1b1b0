"""Periodic jobs continue after a failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from functools import partial

import pytest

from comfy.base import threads
from comfy.base.errors import ComfyError
from comfy.base.threads import background, repeated
from tests.support.waiting import LONGEST_WAIT, awaited
from ui.sockets.page_socket import FolderWatch
from ui.web.server_health import CheckIntervals, ServerHealth


class Failing:
    """Job that fails in several ways, one after another, and then succeeds."""

    def __init__(self, *problems: Exception) -> None:
        self.problems: Iterator[Exception] = iter(problems)
        self.well = asyncio.Event()

    async def __call__(self) -> None:
        for problem in self.problems:
            raise problem
        self.well.set()


def test_a_failed_periodic_job_is_retried(caplog: pytest.LogCaptureFixture) -> None:
    """The log gets a single line for a refusal and a traceback for any other error."""

    async def scenario() -> None:
        job = Failing(ComfyError("The disk is full.", "Make room."), RuntimeError("no thread"))
        task = asyncio.create_task(repeated(job, 0.001))
        await asyncio.wait_for(job.well.wait(), LONGEST_WAIT)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with caplog.at_level(logging.WARNING):
        awaited(scenario())
    refused, failed = caplog.records
    assert (refused.getMessage(), refused.exc_info) == ("The disk is full. Make room.", None)
    assert failed.exc_info


def test_a_failed_background_job_starts_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error in a job without a period is logged, too."""
    monkeypatch.setattr(threads, "_RESTART_PAUSE", 0.001)

    async def scenario() -> None:
        job = Failing(RuntimeError("no thread"))
        async with background(job):
            await asyncio.wait_for(job.well.wait(), LONGEST_WAIT)

    awaited(scenario())
    (failed,) = caplog.records
    assert failed.exc_info


def test_a_pause_can_be_any_awaitable() -> None:
    """The job runs once before the pause and again after it."""

    async def scenario() -> None:
        count, asked = 0, asyncio.Queue[int]()
        go_on = asyncio.Semaphore(0)

        async def job() -> None:
            nonlocal count
            count += 1
            asked.put_nowait(count)

        task = asyncio.create_task(repeated(job, go_on.acquire))
        assert await asyncio.wait_for(asked.get(), LONGEST_WAIT) == 1
        assert asked.empty()
        go_on.release()
        assert await asyncio.wait_for(asked.get(), LONGEST_WAIT) == 2
        task.cancel()

    awaited(scenario())


def test_folder_and_server_checks_resume_once_threads_start(
    refused_threads: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Pages opened in the meantime hear about changes of both as usual."""

    async def scenario() -> None:
        stamps = {"one": 1}
        quick = CheckIntervals(idle=0.01, recheck=0.01, away=0.01)
        health, folder = ServerHealth(lambda: False, quick), FolderWatch(partial(dict, stamps))
        away = asyncio.Event()
        refused_threads.add("asyncio")
        with health.listen(away.set), folder.listen() as changed:
            async with asyncio.timeout(LONGEST_WAIT):
                while len(caplog.records) < 3:
                    await asyncio.sleep(0.01)
                refused_threads.clear()
                await away.wait()
                while changed.empty():
                    stamps["one"] += 1
                    await asyncio.sleep(0.01)
                assert changed.get_nowait() == ["one"]

    awaited(scenario())


def test_background_jobs_end_with_their_block() -> None:
    """Also if the block fails: the jobs are canceled, and their ends awaited."""
    ended: list[str] = []

    async def job() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("job")

    async def fail() -> None:
        async with background(job, job):
            await asyncio.sleep(0)
            raise ValueError("the block fails")

    with pytest.raises(ValueError, match="the block fails"):
        awaited(fail())
    assert ended == ["job", "job"]
