"""Model files of one ComfyUI server, listed when needed.

Decide which model folder of ComfyUI a list of choices shows. Pure.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from comfy.base.errors import ComfyError, ServerError
from comfy.base.files import is_model_file
from comfy.base.json_values import as_dicts, as_list, as_number, as_text, json_or_none
from comfy.comfyui.client.client import Client

log = logging.getLogger(__name__)
_FRESH = 300.0  # seconds until a folder is listed again
_SOON = 10.0  # the same, if it lacks a file
_RETRY = 30.0  # seconds until a server that didn't answer is asked again
_LARGEST_IMAGE = 32 * 2**20  # bytes
_LARGEST_METADATA = 8 * 2**20


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A model file as its server lists it. `size`: bytes; `modified`: seconds since 1970; both 0 if
    unknown. `folder_number`: which of the folder's places has it, None if unknown."""

    name: str
    size: int = 0
    modified: float = 0.0
    folder_number: int | None = None


@dataclass(slots=True)
class _Listing:
    files: Mapping[str, ListedFile] = field(default_factory=dict)
    since: float = 0.0
    good_until: float = 0.0


class ServerModels:
    """Model folders of one server. Thread-safe. Sources of the facts: ComfyUI's
    `app/model_manager.py` and `server.py`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._names: tuple[str, ...] = ()
        self._names_until = 0.0
        self._folders: dict[str, _Listing] = {}

    @property
    def url(self) -> str:
        return self._client.address.url

    def folder_names(self) -> tuple[str, ...]:
        """Return the names of the server's model folders, at most five minutes old."""
        if time.monotonic() < self._names_until:
            return self._names
        try:
            names = as_list(self._json("/models"))
            self._names = tuple(one for one in names if isinstance(one, str))[:200]
            seconds = _FRESH
        except ComfyError as problem:
            log.info("Can't list the model folders of %s: %s", self.url, problem)
            seconds = _RETRY
        self._names_until = time.monotonic() + seconds
        return self._names

    def files(self, folder: str, wanted: frozenset[str]) -> Mapping[str, ListedFile]:
        """Return the files of a folder by name, at most five minutes old; ten seconds if one of the
        wanted files is missing."""
        with self._lock:
            listing = self._folders.setdefault(folder, _Listing())
        now = time.monotonic()
        lacks = not wanted <= listing.files.keys() and now >= listing.since + _SOON
        if now < listing.good_until and not lacks:
            return listing.files
        files = listing.files
        try:
            files, seconds = self._listed(folder), _FRESH
        except ComfyError as problem:
            log.info("Can't list the models in %s of %s: %s", folder, self.url, problem)
            seconds = _RETRY
        now = time.monotonic()
        with self._lock:
            self._folders[folder] = _Listing(files, now, now + seconds)
        return files

    def preview(self, folder: str, file: ListedFile) -> bytes | None:
        """Return the image that the server has for a model. Return None without one, and if the
        model's name leads out of its folder. Raises ComfyError if the server doesn't answer, or if
        the image is too large."""
        if file.folder_number is None or ".." in file.name.split("/"):
            return None
        path = f"{quote(folder, safe='')}/{file.folder_number}/{quote(file.name)}"
        try:
            return self._client.published(f"/experiment/models/preview/{path}", most=_LARGEST_IMAGE)
        except ServerError:
            return None

    def metadata(self, folder: str, file: ListedFile) -> object:
        """Return the metadata in a model's header, None without any. Raises ComfyError if the
        server doesn't answer."""
        path = f"/view_metadata/{quote(folder, safe='')}?filename={quote(file.name, safe='')}"
        try:
            return json_or_none(self._client.published(path, most=_LARGEST_METADATA))
        except ServerError:
            return None

    def _listed(self, folder: str) -> dict[str, ListedFile]:
        """Raises ComfyError. Older servers only list the names."""
        name = quote(folder, safe="")
        try:
            rows = list(as_dicts(self._json(f"/experiment/models/{name}")))
        except ServerError:
            rows = []
        files: dict[str, ListedFile] = {}
        for one in rows:
            listed = ListedFile(
                as_text(one.get("name")),
                int(as_number(one.get("size")) or 0),
                float(as_number(one.get("modified")) or 0),
                _number(one.get("pathIndex")),
            )
            files.setdefault(listed.name, listed)  # the first place counts, as in ComfyUI
        if not files:
            names = as_list(self._json(f"/models/{name}"))
            files = {one: ListedFile(one) for one in names if isinstance(one, str)}
        return files

    def _json(self, path: str) -> object:  # older servers answer with a page
        return json_or_none(self._client.published(path))


def _number(value: object) -> int | None:
    number = as_number(value)
    return number if isinstance(number, int) and 0 <= number < 1000 else None


def files_among(choices: Iterable[object]) -> frozenset[str]:
    """Return the choices that are names of model files, without others such as "None"."""
    return frozenset(one for one in choices if isinstance(one, str) and is_model_file(one))


def lists_files(choices: Collection[object]) -> bool:
    """Return whether at least half of the choices are model files."""
    return bool(choices) and 2 * len(files_among(choices)) >= len(choices)


def folder_of(files: Collection[str], folders: Mapping[str, Collection[str]]) -> str:
    """Return the folder that has all files, "" if none does. The smallest such folder is the most
    similar one."""
    fitting = [name for name, listed in folders.items() if files and set(files) <= {*listed}]
    return min(fitting, key=lambda name: len(folders[name]), default="")
