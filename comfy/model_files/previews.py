"""Small preview images of models, in a folder. They are drawn again from what a server sends, so
that browsers never get a server's own bytes."""

from __future__ import annotations

import hashlib
import io
import logging
import threading
import time
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.files import write_whole
from comfy.media.decoding import DecodingSlots
from comfy.media.thumbnails import thumbnail_of
from comfy.model_files.server import ListedFile, ServerModels

log = logging.getLogger(__name__)

_MOST = 5000  # images of about 10 kB
_FRESH = 24 * 3600.0  # seconds until an image is fetched again
_WITHOUT = 600.0  # seconds until the server is asked again for an image that it doesn't have
_RETRY = 30.0  # the same, if the server didn't answer
_SWEEP_EVERY = 100  # new images
_AT_ONCE = 4  # requests to servers


class ModelPreviews:
    """Preview images by model file. Thread-safe."""

    def __init__(self, folder: Path, turns: DecodingSlots) -> None:
        """`folder`: for the images; it is created when needed. `turns`: limits the images in
        memory."""
        self._folder = folder
        self._turns = turns
        self._asking = threading.Semaphore(_AT_ONCE)
        self._without: dict[str, float] = {}
        self._stored_count = 0

    def image(self, server: ServerModels, folder: str, file: ListedFile) -> Path | None:
        """Return a model's image, a WebP of at most 320 x 320 pixels; None without one. Its name
        changes with the model file."""
        about = f"{server.url}\n{folder}\n{file.name}\n{file.size}\n{file.modified}"
        name = f"{hashlib.sha256(about.encode(errors='replace')).hexdigest()[:32]}.webp"
        path = self._folder / name
        if self._is_without(name):
            return None
        with self._asking:
            if _is_fresh(path):
                return path
            return self._fetched(server, folder, file, path)

    def _fetched(
        self, server: ServerModels, folder: str, file: ListedFile, path: Path
    ) -> Path | None:
        try:
            data = server.preview(folder, file)
        except ComfyError as problem:
            log.info("No preview of the model %s: %s", file.name, problem)
            self._note(path, _RETRY)
            return path if path.is_file() else None
        image = None
        if data:
            with self._turns.turn():
                image = thumbnail_of(io.BytesIO(data))
        try:
            if image:
                return self._stored(path, image)
            path.unlink(missing_ok=True)
            self._note(path, _WITHOUT)
        except OSError as problem:
            log.warning("A preview of a model can't be stored: %s", problem)
        return None

    def _stored(self, path: Path, image: bytes) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, image)
        self._stored_count += 1
        if self._stored_count % _SWEEP_EVERY == 0:
            self._sweep()
        return path

    def _note(self, path: Path, seconds: float) -> None:
        """Don't ask for an image again for this long."""
        if len(self._without) >= 2 * _MOST:
            self._without.clear()
        self._without[path.name] = time.monotonic() + seconds

    def _is_without(self, name: str) -> bool:
        return time.monotonic() < self._without.get(name, 0.0)

    def _sweep(self) -> None:
        """Remove the oldest quarter of the images once there are too many."""
        files = list(self._folder.glob("*.webp"))
        if len(files) <= _MOST:
            return
        files.sort(key=_age)
        for file in files[: _MOST // 4]:
            file.unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _is_fresh(path: Path) -> bool:
    return time.time() - _age(path) < _FRESH
