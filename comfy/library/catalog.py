"""Cache of the servers' node definitions."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from comfy.base.errors import ComfyError, ServerUnreachable
from comfy.base.messages import message
from comfy.base.threads import start_thread
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.servers.pool import ServerPool
from comfy.prompt.model import Prompt
from comfy.runs.input_files import UPLOADS
from comfy.workflow.sanitize import without_folder

log = logging.getLogger(__name__)

_MAX_AGE = 300.0  # seconds; the refresh button fetches at once
_RETRY_AGE = 30.0  # seconds until the next request to a server that didn't answer


class CatalogCache:
    """The server's node catalog, fetched on first use and again when it is too old.

    It stays the same object until the server's response changes.
    """

    def __init__(
        self,
        fetch: Callable[[], Mapping[str, Any]],
        define: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    ) -> None:
        """`fetch` is `ServerPool.object_info`, or the method of a client; `define` its
        `definitions`."""
        self._fetch = fetch
        self._define = define
        self._lock = threading.Lock()
        self._asked: Future[Catalog] | None = None  # set during a request
        self._first: threading.Thread | None = None  # waits for the first answer
        self._generation = 0  # how often `expire` was called because the servers changed
        self._catalog: Catalog | None = None
        self._good_until = 0.0
        self._away = False

    @classmethod
    def of(cls, servers: ServerPool) -> CatalogCache:
        """Return the cache of these servers."""
        return cls(servers.object_info, servers.definitions)

    def get(self, *, refresh: bool = False) -> Catalog:
        """Return the catalog, at most five minutes old, or an older one while the server is away.

        Raises ServerUnreachable or ServerError if it has never been fetched.
        """
        known = self._catalog
        if known is not None and not refresh and time.monotonic() < self._good_until:
            return known
        with self._lock:
            pending = self._asked
            if pending is None:
                answer = self._asked = Future[Catalog]()
        if pending is not None:  # the server may be slow
            return known if known is not None else pending.result()
        try:
            answer.set_result(self._ask())
        except BaseException as problem:  # noqa: BLE001 - for all who wait
            answer.set_exception(problem)
        finally:
            with self._lock:
                self._asked = None
        return answer.result()

    def fitted(self, catalog: Catalog, workflow: Mapping[str, Any]) -> Catalog:
        """Return a catalog for one workflow, an editor graph or a prompt: with definitions of its
        unknown nodes if the server is a stand-in that runs anything, otherwise unchanged. Raises
        ServerUnreachable, ServerError."""
        if self._define is None or not catalog.runs_anything:
            return catalog
        return catalog.for_workflow(self._define(workflow))

    def for_prompt(self, prompt: Prompt) -> Catalog:
        """Return the current catalog for a prompt; see `get` and `fitted`."""
        return self.fitted(self.get(), prompt)

    def expire(self) -> None:
        """Mark the catalog as outdated: the next caller asks the servers. Thread-safe, also during
        a request."""
        with self._lock:
            self._generation += 1
            self._good_until = 0.0

    def renew(self) -> None:
        """Expire the catalog, and return when the servers have answered since. Raises
        ServerUnreachable or ServerError if it has never been fetched."""
        self.expire()
        while time.monotonic() >= self._good_until:  # a request may have begun before
            self.get(refresh=True)
            with self._lock:
                pending = self._asked
            if pending is not None:
                pending.result()

    def cached(self) -> Catalog:
        """Return the catalog as last fetched, without a request. Raises ServerUnreachable if it has
        never been fetched."""
        if self._catalog is None:
            raise ServerUnreachable(message("The server hasn't listed its nodes yet."))
        return self._catalog

    def within(self, seconds: float) -> Catalog:
        """Return the catalog as last fetched. If it has never been fetched, wait for the first
        answer, but not longer than this. All callers share one thread. Raises ServerUnreachable
        without an answer, and TooManyThreads."""
        if self._catalog is None:
            with self._lock:
                first = self._first
                if first is None or not first.is_alive():
                    first = threading.Thread(
                        target=self._fetch_first, name="first catalog", daemon=True
                    )
                    start_thread(first)
                    self._first = first
            first.join(seconds)
        return self.cached()

    def _fetch_first(self) -> None:
        with contextlib.suppress(ComfyError):
            self.get()

    def _ask(self) -> Catalog:
        generation, known = self._generation, self._catalog
        try:
            raw = without_folder(self._fetch(), UPLOADS)
        except ComfyError as problem:
            if known is None:
                raise
            if not self._away:  # log once per outage: the request is repeated every half minute
                log.warning("Can't refresh the server's nodes: %s", problem)
            return self._keep(known, _RETRY_AGE, generation, away=True)
        catalog = known if known is not None and known.raw == raw else Catalog(raw)
        return self._keep(catalog, _MAX_AGE, generation)

    def _keep(
        self, catalog: Catalog, seconds: float, generation: int, *, away: bool = False
    ) -> Catalog:
        """Keep the catalog for this many seconds, unless the servers changed during the request."""
        with self._lock:
            self._catalog, self._away = catalog, away
            if generation == self._generation:
                self._good_until = time.monotonic() + seconds
        return catalog
