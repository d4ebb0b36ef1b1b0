"""What the server says about its nodes, kept for a while."""

from __future__ import annotations

import threading
import time

from comfy.client import Client
from comfy.errors import ComfyError, ServerUnreachable
from comfy.object_info import Catalogue
from comfy.sanitize import without_folder

CATALOGUE_AGE = 300.0  # seconds; the refresh button asks at once
TROUBLED_AGE = 30.0  # until a server that did not answer is asked again
UPLOADS = "comfyforms"  # the folder at the server for what people give; nobody is shown what lies there


class LiveCatalogue:
    """The server's node catalogue, fetched when first needed and again when it has grown old."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._catalogue: Catalogue | None = None
        self._good_until = 0.0

    def get(self, *, refresh: bool = False) -> Catalogue:
        """The catalogue, at most five minutes old; an old one while the server is away.

        Raises ServerUnreachable or ServerError when there is none at all.
        """
        known = self._catalogue
        if known is not None and not refresh and time.monotonic() < self._good_until:
            return known
        if known is not None and self._lock.locked():  # somebody is asking already, of a server that may be slow
            return known
        with self._lock:
            try:
                self._catalogue = Catalogue(without_folder(self._client.object_info(), UPLOADS))
                self._good_until = time.monotonic() + CATALOGUE_AGE
            except ComfyError:
                if self._catalogue is None:
                    raise
                self._good_until = time.monotonic() + TROUBLED_AGE
            return self._catalogue

    def at_hand(self) -> Catalogue:
        """The catalogue as it was last fetched; ServerUnreachable where it never was. Never asks the server."""
        if self._catalogue is None:
            raise ServerUnreachable("The server has not told its nodes yet.")
        return self._catalogue
