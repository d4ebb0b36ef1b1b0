"""Pictures and other files on their way from a person to ComfyUI's input folder."""

from __future__ import annotations

import base64
import binascii
import io
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder
from PIL import Image, ImageChops


@dataclass(frozen=True)
class Upload:
    """A file a person gave: a name for it and its bytes. Only such a value is ever sent to the server."""

    name: str
    data: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.name


def from_path(path: str | None) -> Upload | None:
    """A file that Gradio has taken from the browser and put on this machine."""
    return Upload(Path(path).name, Path(path).read_bytes()) if path else None


def uploaded(place: object) -> str | None:
    """A file that Gradio has taken from a browser, which now names its place; None where it is no such file."""
    if not isinstance(place, str):
        return None
    path, folder = Path(place).resolve(), Path(get_upload_folder()).resolve()
    return str(path) if path.is_relative_to(folder) and path.is_file() else None


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


def from_editor(value: Mapping[str, Any] | None) -> Upload | None:
    """A picture and the mask painted over it, as `gr.ImageEditor` hands them over (Pillow images), as one PNG.

    The mask is the layers' alpha. ComfyUI's LoadImage takes `1 - alpha` as the mask, so it goes into the picture's
    alpha turned round; the colours below stay whole.
    """
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
