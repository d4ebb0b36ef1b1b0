"""Paint the pictures, videos and sounds that a workflow names and the server doesn't have."""

from __future__ import annotations

import functools
import io
import re

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from comfyui_standin.anything.shapes import drawing, solid
from comfyui_standin.nodes.base import AudioSamples
from comfyui_standin.nodes.media import flac_bytes
from comfyui_standin.nodes.motion import Pan
from comfyui_standin.nodes.music import music
from comfyui_standin.nodes.video import mp4
from comfyui_standin.painter.paint import PAINTED, Brief, paint
from comfyui_standin.painter.words import hashed, read

FRAMES, FPS = 72, 16.0
SOUNDS = frozenset({"flac", "mp3", "wav", "ogg", "m4a", "opus", "aac"})
VIDEOS = frozenset({"mp4", "webm", "mov", "mkv", "avi"})
_SHAPES = frozenset({"glb", "gltf", "obj", "fbx", "stl", "ply", "splat"})
_FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP"}
_OTHERS = {"png", "tif", "tiff", "avif", "svg"}
_FILE = re.compile(r"([^/\\]*)\.(\w{2,5})( ?\[\w+\])?")
_SIZE, _SECONDS = (768, 512), 6.0
_USUAL = ("portrait", "cat", "fruit", "balloon")  # of files whose names tell nothing


def ending_of(name: str) -> str:
    """Return a media file's extension in lower case, such as "png"; "" for any other text."""
    match = _FILE.fullmatch(name.replace("\\", "/").rpartition("/")[2]) if len(name) < 300 else None
    ending = match[2].lower() if match else ""
    return ending if ending in SOUNDS | VIDEOS | _SHAPES | _FORMATS.keys() | _OTHERS else ""


def _words(name: str) -> str:
    file = name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
    return re.sub(r"[\W_]+", " ", file)[:100]


@functools.lru_cache(maxsize=4)
def picture(name: str) -> Image.Image:
    """Return the picture that a file name describes."""
    words = _words(name)
    if not read(words, "").things:
        words += f" {_USUAL[hashed(words) % len(_USUAL)]}"
    image = paint(Brief(words, seed=1, width=_SIZE[0], height=_SIZE[1], alone=True))
    image.info["comment"] = PAINTED
    return image


def sound(name: str) -> AudioSamples:
    """Return the sound that a file name describes."""
    return music(_words(name), _SECONDS, 0)


def painting(name: str) -> bytes:
    """Return a file of what its name says: a picture, or what the name's ending means."""
    ending = ending_of(name)
    if ending in SOUNDS:
        return flac_bytes(sound(name))
    if ending in VIDEOS:
        return mp4(Pan(picture(name), FRAMES), FPS)
    if ending in _SHAPES:
        return solid(picture(name))
    if ending == "svg":
        return drawing(picture(name))
    data = io.BytesIO()
    info = PngInfo()
    info.add_text("comment", PAINTED)
    picture(name).save(data, _FORMATS.get(ending, "PNG"), pnginfo=info)
    return data.getvalue()
