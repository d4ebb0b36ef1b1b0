"""Cache of the servers' node definitions."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from comfy.base.errors import ComfyError, ServerUnreachable
from comfy.base.messages import message
from comfy.comfyui.object_info import Catalogue
from comfy.runs.input_files import UPLOADS
from comfy.workflow.sanitize import without_folder

log = logging.getLogger(__name__)

_MAX_AGE = 300.0  # seconds; the refresh button asks at once
_RETRY_AGE = 30.0  # until a server that did not answer is asked again


class CatalogueCache:
    """The server's node catalogue, fetched when first needed and again when it has grown old.

    As long as the server says the same, it is the same object.
    """

    def __init__(self, fetch: Callable[[], Mapping[str, Any]]) -> None:
        """`fetch` is `ServerPool.object_info`, or a client's."""
        self._fetch = fetch
        self._lock = threading.Lock()
        self._asked: Future[Catalogue] | None = None  # during a request
        self._generation = 0  # how often the servers have changed
        self._catalogue: Catalogue | None = None
        self._good_until = 0.0
        self._away = False

    def get(self, *, refresh: bool = False) -> Catalogue:
        """Return the catalog, at most five minutes old; an older one while the server is away.

        Raises ServerUnreachable or ServerError if there has never been one.
        """
        known = self._catalogue
        if known is not None and not refresh and time.monotonic() < self._good_until:
            return known
        with self._lock:
            asked = self._asked
            if asked is None:
                answer = self._asked = Future[Catalogue]()
        if asked is not None:  # the server may be slow
            return known if known is not None else asked.result()
        try:
            answer.set_result(self._ask())
        except BaseException as problem:  # noqa: BLE001 - for all who wait
            answer.set_exception(problem)
        finally:
            with self._lock:
                self._asked = None
        return answer.result()

    def expire(self) -> None:
        """Mark the catalog as outdated: the next caller asks the servers. Thread-safe, also during
        a request."""
        with self._lock:
            self._generation += 1
            self._good_until = 0.0

    def cached(self) -> Catalogue:
        """The catalogue as it was last fetched; ServerUnreachable where it never was.

        Never asks the server.
        """
        if self._catalogue is None:
            raise ServerUnreachable(message("The server hasn't listed its nodes yet."))
        return self._catalogue

    def _ask(self) -> Catalogue:
        generation, known = self._generation, self._catalogue
        try:
            raw = without_folder(self._fetch(), UPLOADS)
        except ComfyError as problem:
            if known is None:
                raise
            if not self._away:  # once an outage: it is asked again every half minute
                log.warning("The server's nodes could not be asked for again: %s", problem)
            return self._keep(known, _RETRY_AGE, generation, away=True)
        catalogue = known if known is not None and known.raw == raw else Catalogue(raw)
        return self._keep(catalogue, _MAX_AGE, generation)

    def _keep(
        self, catalogue: Catalogue, seconds: float, generation: int, *, away: bool = False
    ) -> Catalogue:
        """Do not ask for so long, unless the servers have changed since they were asked."""
        with self._lock:
            self._catalogue, self._away = catalogue, away
            if generation == self._generation:
                self._good_until = time.monotonic() + seconds
        return catalogue
