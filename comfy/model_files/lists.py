"""Model files of all servers, for the lists of choices in forms.

Metadata in the header of a model file, as trainers and model sites
write it. Pure. All of it is untrusted text.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.json_values import as_mapping, as_number, as_text, json_or_none
from comfy.base.threads import in_threads
from comfy.comfyui.servers.pool import ServerPool
from comfy.media.decoding import DecodingSlots
from comfy.model_files.families import family_in
from comfy.model_files.previews import ModelPreviews
from comfy.model_files.server import ListedFile, ServerModels, files_among, folder_of

_LONGEST_TEXT = 2000  # characters
_LONGEST_NAME = 200
_LONGEST_WORD = 120
_MOST_WORDS = 24
_MOST_TAGS = 12
_LARGEST_TAGS = 2 * 2**20  # characters of JSON
log = logging.getLogger(__name__)
_MOST_REQUESTS = 8  # at once, to all servers
_MOST_BASES = 20_000


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """Metadata of a model file; each part is empty if unknown. `tags`: the most frequent words of
    the captions that it was trained with."""

    title: str = ""
    author: str = ""
    base_model: str = ""
    description: str = ""
    trigger_words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def details_in(metadata: object) -> ModelDetails:
    """Return the details in a header's `__metadata__`. Never raises."""
    given = as_mapping(metadata)

    def first(*keys: str, most: int = _LONGEST_NAME) -> str:
        return next((text for key in keys if (text := _text(given.get(key), most))), "")

    base = first("ss_base_model_version", "modelspec.architecture")
    return ModelDetails(
        title=first("modelspec.title", "ss_output_name"),
        author=first("modelspec.author"),
        base_model=family_in(base) or base,
        description=first("modelspec.description", "ss_training_comment", most=_LONGEST_TEXT),
        trigger_words=_words(
            _text(given.get("modelspec.trigger_phrase"), _MOST_WORDS * _LONGEST_WORD)
        ),
        tags=_tags(as_text(given.get("ss_tag_frequency"))),
    )


def _text(value: object, most: int) -> str:
    """Return a text in one line per paragraph, without control characters."""
    text = as_text(value)[: 2 * most]
    clean = "".join(c if c.isprintable() or c == "\n" else " " for c in text).strip()
    return "" if clean.lower() in ("none", "null") else clean[:most]


def _words(phrase: str) -> tuple[str, ...]:
    """Return the words of a trigger phrase, which commas separate."""
    words = (" ".join(one.split())[:_LONGEST_WORD] for one in phrase.split(","))
    return tuple(dict.fromkeys(one for one in words if one))[:_MOST_WORDS]


def _tags(frequencies: str) -> tuple[str, ...]:
    """Return the most frequent tags of all training folders: JSON with a count for each tag of each
    folder."""
    if not frequencies or len(frequencies) > _LARGEST_TAGS:
        return ()
    folders = as_mapping(json_or_none(frequencies))
    counts = Counter[str]()
    for folder in folders.values():
        for tag, count in _counted(as_mapping(folder)).items():
            counts[tag] += count
    return tuple(tag for tag, _ in counts.most_common(_MOST_TAGS))


def _counted(folder: Mapping[str, object]) -> Counter[str]:
    counts = Counter[str]()
    for tag, count in folder.items():
        name = " ".join(_text(tag, _LONGEST_WORD).split())
        if name:
            counts[name] += int(min(as_number(count) or 0, 10**9))
    return counts


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
        self._bases: dict[ServedFile, str] = {}

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

    def folders(self) -> list[str]:
        """Return the names of the servers' model folders. Waits for the servers."""
        return [*dict.fromkeys(name for one in self._known() for name in one.folder_names())]

    def files(self, folder: str) -> list[str]:
        """Return the names of a folder's files on all servers. Waits for the servers."""
        return [*self._in_folder(folder, frozenset())]

    def of_size(self, folder: str, size: int) -> str:
        """Return a folder's file with exactly this many bytes, "" without one. Waits for the
        servers."""
        files = self._in_folder(folder, frozenset()) if folder and size else {}
        return next((name for name, one in files.items() if one.file.size == size), "")

    def preview(self, served: ServedFile) -> Path | None:
        """Return a model's preview image, a small WebP; None without one."""
        return self._previews.image(served.server, served.folder, served.file)

    def details(self, served: ServedFile) -> ModelDetails:
        """Return what a model file says about itself, nothing if its server doesn't answer."""
        return details_in(self.header(served))

    def known_base(self, served: ServedFile) -> str:
        """Return the base model of a file as far as it is known without asking a server, otherwise
        what its name says; "" if unknown."""
        return self._bases.get(served) or family_in(served.file.name)

    def read_bases(self, files: Collection[ServedFile]) -> None:
        """Read the base models of files from their headers, for `known_base`. Waits for the
        servers."""
        unread = [one for one in files if one not in self._bases]
        if len(self._bases) > _MOST_BASES:
            self._bases.clear()
        while unread:
            batch, unread = unread[:_MOST_REQUESTS], unread[_MOST_REQUESTS:]
            read = in_threads(lambda one: self.details(one).base_model, batch, name="models")
            self._bases |= dict(zip(batch, read, strict=True))

    def header(self, served: ServedFile) -> Mapping[str, object]:
        """Return the untrusted metadata in a model file, {} if its server doesn't answer."""
        try:
            return as_mapping(served.server.metadata(served.folder, served.file))
        except ComfyError as problem:
            log.info("No metadata of the model %s: %s", served.file.name, problem)
            return {}

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
        folders: dict[str, set[str]] = {}
        waiting = self.folders()
        while waiting:
            batch, waiting = waiting[:_MOST_REQUESTS], waiting[_MOST_REQUESTS:]
            lists = in_threads(
                lambda name: {*self._in_folder(name, frozenset())}, batch, name="models"
            )
            folders |= dict(zip(batch, lists, strict=True))
        return folder_of(wanted, folders)
