"""Pictures and other files on their way from a person to ComfyUI's input folder."""

from __future__ import annotations

import base64
import binascii
import io
import mimetypes
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder
from PIL import Image, ImageChops

from comfy.file_names import plain_name
from comfy.form import Widget
from comfy.media_kinds import FileLimits, problem_with

CHUNK = 1024 * 1024  # bytes
GONE = "needs its file once more: it is no longer here."


@dataclass(frozen=True)
class Upload:
    """A file a person gave: a name for it and its bytes, or where they are. Only such a value is ever sent on."""

    name: str
    source: bytes | Path = field(repr=False)

    def __str__(self) -> str:
        return self.name

    @property
    def data(self) -> bytes:
        """All of it."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def chunks(self) -> Iterator[bytes]:
        """All of it, piece by piece."""
        with io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def problem(self, limits: FileLimits, widget: Widget | None = None) -> str:
        """Why it cannot be taken, as `comfy.media_kinds.problem_with`; "" if it can."""
        with io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb") as file:
            return problem_with(file, limits, widget)


@dataclass(frozen=True)
class Refused:
    """What a person gave is no file that can be used; `why` ends a sentence that starts with the field's label."""

    why: str

    def __str__(self) -> str:
        return "file"


def from_path(path: str | None) -> Upload | Refused | None:
    """A file that was taken from a browser and put on this machine."""
    if path is None:
        return None
    kept = uploaded(path)
    return Upload(Path(kept).name, Path(kept)) if kept else Refused(GONE)


def uploaded(place: object) -> str | None:
    """A file taken from a browser, which now names its place; None where it is no such file."""
    path = among_uploads(place)
    return str(path) if path and path.is_file() else None


def among_uploads(place: object) -> Path | None:
    """A place where uploads are kept, whether or not a file is there; None for any other."""
    if not isinstance(place, str):
        return None
    try:
        path, folder = Path(place).resolve(), Path(get_upload_folder()).resolve()
        return path if path.is_relative_to(folder) and len(path.name.encode()) < 256 else None
    except (OSError, ValueError):  # no name that a file could have: too long, or with a NUL in it
        return None


def put_back(path: Path, place: str, name: str) -> str:
    """A kept file among those that were taken from browsers, under its own name, so that a field can show it.

    ``place`` is the folder's name there, which nobody may guess: whoever knows the whole path can fetch the file.
    """
    folder = Path(get_upload_folder()) / place
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / plain_name(name)
    if not copy.is_file():
        part = folder / f"{secrets.token_hex(4)}.part"
        shutil.copyfile(path, part)
        part.replace(copy)
    return str(copy)


def remove_put_back(place: str) -> None:
    """Remove what `put_back` put into the folder of this name."""
    shutil.rmtree(Path(get_upload_folder()) / place, ignore_errors=True)


def from_data_url(url: str) -> Upload | None:
    """A file inside a `data:…;base64,…` address, as scripts send one; None where it is no such thing."""
    head, comma, body = url.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return None
    try:
        data = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None
    extension = mimetypes.guess_extension(head.removeprefix("data:").removesuffix(";base64")) or ".bin"
    return Upload(f"upload{extension}", data)


def to_editor(path: str | None) -> Any:
    """A picture for `gr.ImageEditor`: what `from_editor` put into its alpha is painted over it again."""
    try:
        with Image.open(path or "") as picture:
            if picture.mode != "RGBA":
                return path
            layer = Image.new("RGBA", picture.size, "white")
            layer.putalpha(ImageChops.invert(picture.getchannel("A")))
            return {"background": picture.convert("RGB"), "layers": [layer], "composite": None}
    except (OSError, Image.DecompressionBombError):
        return path


def from_editor(value: Mapping[str, Any] | Refused | None) -> Upload | Refused | None:
    """A picture and the mask painted over it, as `gr.ImageEditor` hands them over (Pillow images), as one PNG.

    The mask is the layers' alpha. ComfyUI's LoadImage takes `1 - alpha` as the mask, so it goes into the picture's
    alpha turned round; the colours below stay whole.
    """
    if isinstance(value, Refused):
        return value
    picture = (value or {}).get("background")
    if picture is None:
        return None
    mask = Image.new("L", picture.size)
    for layer in (value or {}).get("layers") or ():
        alpha = layer.convert("RGBA").getchannel("A")
        mask = ImageChops.lighter(mask, alpha if alpha.size == mask.size else alpha.resize(mask.size))
    with_alpha = picture.convert("RGB")
    with_alpha.putalpha(ImageChops.invert(mask))
    data = io.BytesIO()
    with_alpha.save(data, "PNG", compress_level=1)
    return Upload("painted.png", data.getvalue())
