"""Commands that start and stop servers, each in a thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from comfy.base.errors import ComfyError, TooManyThreads
from comfy.base.threads import start_thread
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool
from comfy.scaling.command import CommandStopped, address_in, run_to_end
from comfy.scaling.scale import Pace, Scale
from comfy.scaling.store import CommandName, ScaleStore, ServerRow

log = logging.getLogger(__name__)


class ServerWork:
    """Commands that run in this process."""

    def __init__(
        self, store: ScaleStore, pool: ServerPool, pace: Pace, closing: threading.Event
    ) -> None:
        """`closing`: is set when the app shuts down."""
        self._store, self._pool, self._pace, self._closing = store, pool, pace, closing
        self._lock = threading.Lock()
        self._recording = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}

    def start(self, scale: Scale, server_id: str) -> None:
        """Start a server in a thread. Returns at once."""
        log.info("Starting server %s.", server_id)
        self._begin(server_id, lambda: self._bring_up(scale, server_id))

    def stop(self, scale: Scale, row: ServerRow) -> None:
        """Stop a server in a thread. Returns at once."""
        log.info("Stopping server %s (%s).", row.id, row.url or "without an address")
        self._begin(row.id, lambda: self._bring_down(scale, row))

    def renew(self) -> None:
        """Note that the commands still run. Raises ComfyError."""
        with self._lock:
            working = tuple(self._threads)
        for server_id in working:
            self._store.renew(server_id)

    def join(self, seconds: float) -> None:
        """Wait for the threads after `closing` is set."""
        end = time.monotonic() + seconds
        with self._lock:
            threads = tuple(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _begin(self, server_id: str, work: Callable[[], None]) -> None:
        def whole() -> None:
            try:
                work()
            except CommandStopped:
                log.warning("The command for server %s was interrupted.", server_id)
            except ComfyError as problem:
                log.warning("Server %s: %s %s", server_id, problem, problem.hint)
            except Exception:
                log.exception("The command for server %s failed with an internal error", server_id)
            finally:
                with self._lock:
                    del self._threads[server_id]

        thread = threading.Thread(target=whole, name="scale", daemon=True)
        with self._lock:
            self._threads[server_id] = thread
        try:
            start_thread(thread)
        except TooManyThreads:
            with self._lock:
                del self._threads[server_id]
            raise

    def _bring_up(self, scale: Scale, server_id: str) -> None:
        end = time.monotonic() + scale.timeout
        try:
            url = self._checked(scale, address_in(self._run(scale, "up", server_id, None)))
            if not self._store.change(server_id, "starting", "starting", url):
                log.warning("The start of server %s counted as interrupted.", server_id)
                self._run(scale, "down", server_id, url)  # perhaps not for the first time
                return
            self._wait_for(scale, url, end)
        except ComfyError as problem:
            self._store.change(server_id, "starting", "stopping")
            self._note(scale, "up", problem)
            return
        self._store.change(server_id, "starting", "up", url)
        self._store.clear_problem(scale.name, "up")
        log.info("ComfyUI at %s answers.", url)

    def _bring_down(self, scale: Scale, row: ServerRow) -> None:
        try:
            self._run(scale, "down", row.id, row.url)
        except ComfyError as problem:
            self._note(scale, "down", problem)
            return
        server = self._pool.at(row.url or "")
        if server is not None and server.drained:  # the next server there isn't
            self._pool.take_back(server)
        self._store.remove(row.id)
        self._store.clear_problem(scale.name, "down")

    def _run(self, scale: Scale, name: CommandName, server_id: str, url: str | None) -> str:
        command = scale.up if name == "up" else scale.down
        variables = {"SCALE_NAME": scale.name, "SCALE_SERVER": server_id, "SCALE_URL": url or ""}
        return run_to_end(
            (*command, url) if url else command,
            variables,
            scale.timeout,
            self._closing,
            ends_with_app=name == "up",
        )

    def _checked(self, scale: Scale, url: str) -> str:
        """Return the address of a new server in its usual spelling. Raises ComfyError."""
        address = scale.address(url).url
        if "@" in url:
            raise ComfyError("It printed an address with a password; put it into [[scale]].")
        known = {row.url for row in self._store.rows()}
        if address in known or self._pool.at(address) is not None:
            raise ComfyError(f"It printed {address}, which the app already uses.")
        return address

    def _wait_for(self, scale: Scale, url: str, end: float) -> None:
        """Wait until ComfyUI answers. Raises ComfyError if it takes too long."""
        with Client(scale.address(url)) as client:
            while not client.answers(timeout=self._pace.answer):
                if time.monotonic() > end:
                    raise ComfyError(f"{url} didn't answer within {scale.timeout:g} seconds.")
                if self._closing.wait(self._pace.look):
                    raise CommandStopped

    def _note(self, scale: Scale, name: CommandName, problem: ComfyError) -> None:
        with self._recording:
            failures = self._store.note_problem(scale.name, name, str(problem))
        pause = self._pace.after_failures(failures)
        log.warning(
            "The command `%s` of [[scale]] %s failed, next try after %g seconds: %s",
            *(name, scale.name, pause, problem),
        )
