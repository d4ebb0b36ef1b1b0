"""Small example images of templates, in a folder. They are drawn again from what the server sends,
so that browsers never get a server's own bytes."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Collection
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.files import write_whole
from comfy.media.decoding import DecodingSlots
from comfy.media.thumbnails import thumbnail_of
from comfy.templates.server import OfferedTemplate

log = logging.getLogger(__name__)


class TemplateImages:
    """Images by template. Thread-safe."""

    def __init__(self, folder: Path, turns: DecodingSlots) -> None:
        """`turns`: limits the images in memory."""
        self._folder = folder
        self._turns = turns
        self._missing: set[str] = set()

    def image(self, offered: OfferedTemplate) -> Path | None:
        """Return a template's image, a WebP of at most 320 x 320 pixels; None without one."""
        name = _name(offered.key)
        path = self._folder / name
        if path.is_file():
            return path
        if name in self._missing or not offered.template.thumbnail:
            return None
        try:
            data = self._drawn(offered)
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
        wanted = {_name(key) for key in keys}
        for file in self._folder.glob("*") if self._folder.is_dir() else ():
            if file.name not in wanted:
                file.unlink(missing_ok=True)
        self._missing &= wanted

    def _drawn(self, offered: OfferedTemplate) -> bytes | None:
        data = offered.server.image(offered.template)
        with self._turns.turn():
            return thumbnail_of(io.BytesIO(data))


def _name(key: str) -> str:
    return f"{hashlib.sha256(key.encode(errors='replace')).hexdigest()[:32]}.webp"
