"""Model files of all servers, for the lists of choices in forms."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.threads import in_threads
from comfy.comfyui.servers.pool import ServerPool
from comfy.media.decoding import DecodingSlots
from comfy.model_files.details import ModelDetails, details_in
from comfy.model_files.folders import files_among, folder_of
from comfy.model_files.previews import ModelPreviews
from comfy.model_files.server import ListedFile, ServerModels

log = logging.getLogger(__name__)

_MOST_REQUESTS = 8  # at once, to all servers


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A model file and the server that has it. `folder`: below ComfyUI's models folder."""

    folder: str
    file: ListedFile
    server: ServerModels


class ModelFiles:
    """Model files of the app's servers. Thread-safe."""

    def __init__(self, servers: ServerPool, previews: Path, turns: DecodingSlots) -> None:
        """`previews`: the folder for preview images. `turns`: limits the images in memory."""
        self._pool = servers
        self._servers: tuple[ServerModels, ...] = ()
        self._previews = ModelPreviews(previews, turns)

    def among(self, choices: Collection[object], likely: str = "") -> Mapping[str, ServedFile]:
        """Return the choices that are files of a model folder of the servers, by choice; {} if no
        folder has all of them. `likely`: the folder to look into first.

        Waits for the servers.
        """
        wanted = files_among(choices)
        if not wanted:
            return {}
        found = self._in_folder(likely, wanted) if likely else {}
        if not wanted <= found.keys():
            name = self._folder_of(wanted)
            found = self._in_folder(name, wanted) if name else found
        return {one: found[one] for one in wanted if one in found}

    def preview(self, served: ServedFile) -> Path | None:
        """Return a model's preview image, a small WebP; None without one."""
        return self._previews.image(served.server, served.folder, served.file)

    def details(self, served: ServedFile) -> ModelDetails:
        """Return what a model file says about itself, nothing if its server doesn't answer."""
        try:
            return details_in(served.server.metadata(served.folder, served.file))
        except ComfyError as problem:
            log.info("No metadata of the model %s: %s", served.file.name, problem)
            return ModelDetails()

    def _known(self) -> tuple[ServerModels, ...]:
        """Return the servers of the pool, which changes when one is added or removed."""
        known = {one.url: one for one in self._servers}
        now = tuple(known.get(one.url) or ServerModels(one.client) for one in self._pool.servers)
        if now != self._servers:
            self._servers = now
        return now

    def _in_folder(self, folder: str, wanted: frozenset[str]) -> dict[str, ServedFile]:
        """Return the files of a folder of all servers. The first server with a file counts."""
        servers = self._known()
        lists = in_threads(lambda server: server.files(folder, wanted), servers, name="models")
        found: dict[str, ServedFile] = {}
        for server, files in zip(servers, lists, strict=True):
            for name, file in files.items():
                found.setdefault(name, ServedFile(folder, file, server))
        return found

    def _folder_of(self, wanted: frozenset[str]) -> str:
        """Return the folder that has all files, "" if none does."""
        names: dict[str, None] = {}
        for server in self._known():
            names |= dict.fromkeys(server.folder_names())
        folders: dict[str, set[str]] = {}
        waiting = list(names)
        while waiting:
            batch, waiting = waiting[:_MOST_REQUESTS], waiting[_MOST_REQUESTS:]
            lists = in_threads(
                lambda name: {*self._in_folder(name, frozenset())}, batch, name="models"
            )
            folders |= dict(zip(batch, lists, strict=True))
        return folder_of(wanted, folders)
