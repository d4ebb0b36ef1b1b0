"""Threads that check the servers of a pool."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from comfy.base.errors import ComfyError, ServerUnreachable
from comfy.base.threads import start_thread
from comfy.comfyui.servers.server import ANSWER_SECONDS, ComfyServer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CheckPauses:
    """Seconds between checks of a server: `up` while it answers, `recheck` after a failed call,
    `away` while it doesn't answer. It counts as away after `limit` seconds without an answer."""

    up: float = 10.0
    recheck: float = 0.5
    away: float = 2.0
    limit: float = ANSWER_SECONDS


class ServerChecks:
    """A thread for each server, which checks whether it answers, and fetches its nodes when it
    comes back. Thread-safe."""

    def __init__(self, pauses: CheckPauses, changed: Callable[[], None]) -> None:
        """`changed` is called after a server has gone down or come back."""
        self._pauses, self._changed = pauses, changed
        self._threads: dict[ComfyServer, threading.Thread] = {}

    def start(self, server: ComfyServer) -> None:
        """Check a server from now on. Raises TooManyThreads."""
        if server in self._threads:
            return
        server.client.on_unreachable(server.recheck)
        watch = threading.Thread(target=self._watch, args=(server,), name="server", daemon=True)
        start_thread(watch)
        self._threads[server] = watch

    def stop(self, servers: Iterable[ComfyServer]) -> None:
        """Check these servers no longer; wait for their threads."""
        stopped = tuple(servers)
        for server in stopped:
            server.stop_asking()
            server.recheck()
        for server in stopped:
            if (thread := self._threads.pop(server, None)) is not None:
                thread.join()

    def _watch(self, server: ComfyServer) -> None:
        # A server may hang again right after it comes back, so its nodes are fetched in a separate
        # thread from the checks.
        with ThreadPoolExecutor(1, "nodes") as beside:
            self._keep_looking(server, beside)

    def _keep_looking(self, server: ComfyServer, beside: ThreadPoolExecutor) -> None:
        pauses, up = self._pauses, True
        while not server.wait_until_closed(0):
            try:
                up = self._look_at(server, beside, was_reported_up=up)
            except ServerUnreachable:
                return
            except Exception:
                log.exception("Checking ComfyUI at %s failed with an internal error", server.url)
            if server.wait_until_closed(pauses.recheck if up else pauses.away):
                return  # `check` may have cleared the `recheck` that shutdown set
            if up:
                server.wait_for_recheck(pauses.up - pauses.recheck)

    def _look_at(
        self, server: ComfyServer, beside: ThreadPoolExecutor, *, was_reported_up: bool
    ) -> bool:
        """Check the server and return whether it is up. Raises ServerUnreachable at shutdown."""
        was_up = server.up  # a run may have marked it as down without notifying the listeners
        up = server.check(timeout=self._pauses.limit)
        if up != was_reported_up:
            status = "answers again" if up else "does not answer"
            log.warning("ComfyUI at %s %s.", server.url, status)
        if up != was_reported_up or up != was_up:
            try:
                beside.submit(self._tell, server)
            except RuntimeError:  # no thread can be started
                self._tell(server)
        if up:
            server.cancel_left()
            server.look_at_queue()
        return up

    def _tell(self, server: ComfyServer) -> None:
        try:
            if server.up:
                fetch_problem(server)  # it may be running another version now
        except Exception:
            log.exception("Can't read the nodes of ComfyUI at %s", server.url)
        self._changed()


def fetch_problem(server: ComfyServer) -> ComfyError | None:
    """Fetch the server's nodes and return the error, None if it succeeded."""
    try:
        server.fetch_nodes()
    except ComfyError as problem:
        return problem
    return None
