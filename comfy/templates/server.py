"""Templates of one ComfyUI server, fetched when needed.

Small example images of templates, in a folder. They are drawn again from what the server sends,
so that browsers never get a server's own bytes.
"""

from __future__ import annotations

import hashlib
import io
import logging
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from comfy.base.errors import ComfyError, ServerError
from comfy.base.files import write_whole
from comfy.base.json_values import as_mapping, as_text, json_or_none
from comfy.comfyui.client.client import Client
from comfy.media.decoding import DecodingSlots
from comfy.media.thumbnails import thumbnail_of
from comfy.templates.index import Template, TemplateTexts, pack_templates, templates_in, texts_in

log = logging.getLogger(__name__)
_FRESH = 300.0  # seconds until the lists are fetched again
_RETRY = 30.0  # seconds until a server that didn't answer is asked again
_LARGEST_WORKFLOW = 24 * 2**20  # bytes
_LARGEST_IMAGE = 32 * 2**20  # animated images have up to 9 MB
_MOST_LANGUAGES = 20
_SIDE, _SMALL_SIDE = 1024, 320  # pixels
# Images of a template for the stage: its result, and the input. "" is the small result for lists.
ImagePart = Literal["", "after", "before"]


@dataclass(frozen=True, slots=True)
class Listing:
    """Templates of a server, its version of ComfyUI ("" if unknown), and a value that changes with
    the content of its own templates."""

    templates: tuple[Template, ...] = ()
    version: str = ""
    edition: str = ""


class ServerTemplates:
    """Templates of one server. Thread-safe."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._listing = Listing()
        self._good_until = 0.0
        self._texts: dict[str, dict[str, TemplateTexts]] = {}

    @property
    def url(self) -> str:
        return self._client.address.url

    @property
    def known(self) -> Listing:
        """Return the templates as last fetched."""
        return self._listing

    def listing(self) -> Listing:
        """Return the server's templates, at most five minutes old; the last known ones while it
        doesn't answer."""
        with self._lock:
            if time.monotonic() >= self._good_until:
                try:
                    self._listing, seconds = self._fetched(), _FRESH
                except ComfyError as problem:
                    log.info("Can't list the templates of %s: %s", self.url, problem)
                    seconds = _RETRY
                self._good_until = time.monotonic() + seconds
                self._texts.clear()
            return self._listing

    def texts(self, language: str) -> dict[str, TemplateTexts]:
        """Return the texts of its own templates in a language, by name; {} if it has none.
        `language`: a tag such as "fr"; ComfyUI calls simplified Chinese "zh"."""
        tag = "zh" if language == "zh-CN" else language
        with self._lock:
            if tag not in self._texts and len(self._texts) < _MOST_LANGUAGES:
                try:
                    index = self._json_or_none(f"/templates/index.{tag}.json")
                except ComfyError:
                    return {}
                self._texts[tag] = texts_in(index)
            return self._texts.get(tag, {})

    def read(self, template: Template) -> bytes:
        """Return a template's workflow. Raises ComfyError."""
        return self._client.published(template.path, most=_LARGEST_WORKFLOW)

    def image(self, template: Template, *, before: bool) -> bytes:
        """Return a template's example image, or the image of its input. Raises ComfyError."""
        return self._client.published(template.image_path(before=before), most=_LARGEST_IMAGE)

    def example(self, template: Template, name: str, most: int) -> bytes | None:
        """Return an example input file of a template, of at most this many bytes; None if the
        server doesn't publish it."""
        folders = ("",) if template.pack else ("input/", "")
        for folder in folders:
            try:
                return self._client.published(template.path_of(folder + name), most=most)
            except ServerError:
                continue
            except ComfyError as problem:
                log.info("Can't fetch %s from %s: %s", name, self.url, problem)
                break
        return None

    def _fetched(self) -> Listing:
        """Raises ComfyError if the server doesn't answer. Older servers lack some of the lists."""
        system = as_mapping(self._client.system_stats().get("system"))
        own = self._bytes_or_none("/templates/index.json") or b""
        index = json_or_none(own)
        packs = self._json_or_none("/workflow_templates")
        return Listing(
            (*templates_in(index), *pack_templates(packs)),
            as_text(system.get("comfyui_version"))[:50],
            hashlib.sha256(own).hexdigest()[:16],
        )

    def _json_or_none(self, path: str) -> object:
        return json_or_none(self._bytes_or_none(path) or b"")

    def _bytes_or_none(self, path: str) -> bytes | None:
        try:
            return self._client.published(path)
        except ServerError:
            return None


@dataclass(frozen=True, slots=True)
class OfferedTemplate:
    """A template, and the server that offers it. `key`: its edition and id."""

    template: Template
    server: ServerTemplates
    key: str


class TemplateImages:
    """Images by template. Thread-safe."""

    def __init__(self, folder: Path, turns: DecodingSlots) -> None:
        """`turns`: limits the images in memory."""
        self._folder = folder
        self._turns = turns
        self._missing: set[str] = set()

    def image(self, offered: OfferedTemplate, part: ImagePart = "") -> Path | None:
        """Return a template's image, a WebP of at most 320 x 320 pixels, or 1024 x 1024 for a
        `part`; None without one."""
        name = _name(offered.key, part)
        path = self._folder / name
        if path.is_file():
            return path
        if name in self._missing or not offered.template.thumbnail:
            return None
        try:
            data = self._drawn(offered, part)
            if data is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
                write_whole(path, data)
                return path
            self._missing.add(name)
        except (ComfyError, OSError) as problem:
            log.info("No image for the template %s: %s", offered.template.id, problem)
        return None

    def keep(self, keys: Collection[str]) -> None:
        """Remove the images of all other templates."""
        wanted = {_name(key, part) for key in keys for part in get_args(ImagePart)}
        for file in self._folder.glob("*") if self._folder.is_dir() else ():
            if file.name not in wanted:
                file.unlink(missing_ok=True)
        self._missing &= wanted

    def _drawn(self, offered: OfferedTemplate, part: ImagePart) -> bytes | None:
        data = offered.server.image(offered.template, before=part == "before")
        with self._turns.turn():
            return thumbnail_of(io.BytesIO(data), _SIDE if part else _SMALL_SIDE)


def _name(key: str, part: ImagePart) -> str:
    return f"{hashlib.sha256(f'{key}{part}'.encode(errors='replace')).hexdigest()[:32]}.webp"
