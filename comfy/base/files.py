"""Sanitize untrusted file names and guess their media type.

Write files so that readers never see a part of one.

Temporary folders of processes, each with a lock that its process holds.
"""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import chain, zip_longest
from mimetypes import MimeTypes
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from filelock import FileLock

# Characters; each takes at most four of the 255 bytes that file systems allow.
LONGEST = 80
_LONGEST_SAVED = 150  # characters of a server's file name, usually ASCII letters and digits
_DIGITS = re.compile(r"([0-9]+)")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
# Missing in some Python versions and on some systems.
_MADE: Mapping[str, str] = MappingProxyType(
    {
        ".avif": "image/avif",
        ".flac": "audio/flac",
        ".glb": "model/gltf-binary",
        ".jxl": "image/jxl",
        ".m4a": "audio/mp4",
        ".mkv": "video/x-matroska",
        ".oga": "audio/ogg",
        ".ogg": "audio/ogg",
        ".opus": "audio/ogg",
        ".wav": "audio/wav",
        ".webp": "image/webp",
    }
)
_OF_MODELS = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx")
# Windows device names, reserved with any extension.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE | re.ASCII)
TEMPORARY = "temporary"  # the folder of these folders in the data folder
LOCK = "lock"  # file in a temporary folder


def is_model_file(name: str) -> bool:
    """Tell if a file is a model, by its extension."""
    return name.lower().endswith(_OF_MODELS)


def plain_name(name: str) -> str:
    """Return the last part of a path as a name of letters, digits, spaces and `-_.()`, at most
    LONGEST characters long.

    The extension stays. An empty name becomes "file".
    """
    clean = "".join(c if c.isalnum() or c in " -_.()" else "_" for c in _last(name)).strip(" .")
    stem, dot, ending = clean.rpartition(".")
    if not dot or len(ending) > 10:
        stem, ending = clean, ""
    stem = stem[: LONGEST - len(ending) - 1].rstrip(" .") or "file"
    plain = f"{stem}.{ending}" if ending else stem
    return f"_{plain}" if _DEVICE.match(plain) else plain


def media_type_of(name: str) -> str:
    """Return the media type of a file name, the same on every machine."""
    return _media_types().guess_type(name, strict=False)[0] or "application/octet-stream"


def ending_of(media_type: str) -> str:
    """Return the extension for this media type, with its dot, or "" if unknown."""
    return _media_types().guess_extension(media_type, strict=False) or ""


@cache
def _media_types() -> MimeTypes:
    """Return Python's own media types, with the types of ComfyUI's outputs."""
    types = MimeTypes()
    for ending, media_type in _MADE.items():
        types.add_type(media_type, ending)
    return types


def natural_order(name: str) -> tuple[object, ...]:
    """Return a sort key that orders numbers by value: "img2" before "img10"."""
    text_and_digits = _DIGITS.split(name.casefold())
    bare = (part.lstrip("0") for part in text_and_digits[1::2])
    # Not int(), which limits the number of digits.
    numbers = [(len(digits), digits) for digits in bare]
    return (*chain.from_iterable(zip_longest(text_and_digits[::2], numbers)), name)


def _last(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def safe_name(name: str) -> str:
    """Return a safe name close to the server's name of its file: no folders, no leading dots, at
    most _LONGEST_SAVED characters. An empty name becomes "_"."""
    safe = _UNSAFE.sub("_", name.replace("\\", "/").rpartition("/")[2]).strip(" .")
    stem, dot, ending = safe.rpartition(".")
    if dot and len(ending) <= 10:
        safe = f"{stem[: _LONGEST_SAVED - 11]}.{ending}"
    safe = safe[:_LONGEST_SAVED]
    return f"_{safe}" if not safe or _DEVICE.match(safe) else safe


def is_beside(name: str) -> bool:
    """Tell if this names a file in the same folder or below."""
    path = PurePosixPath(name)
    return not ({"..", ""} & {*path.parts} or path.is_absolute() or set(name) & set("\\:\0"))


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file at once, so that readers never see a part of it. Raises OSError."""
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def temporary_folder(below: Path, *, clean: bool) -> Iterator[Path]:
    """Create a folder that exists during the block. `clean`: first remove what a killed process has
    left."""
    if clean:
        shutil.rmtree(below, ignore_errors=True)
    below.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=below) as folder, FileLock(Path(folder) / LOCK):
        yield Path(folder)
