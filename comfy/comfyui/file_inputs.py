"""Recognize inputs that take the name of a file or folder on the server, and values that are such
names.

ComfyUI declares only uploads; names and choices reveal the other inputs. Packs whose own scripts
upload files are in a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

# Widgets of the editor whose value is a file name, or an object with file names
# (docs/comfyui.md#31).
FILE_WIDGETS = frozenset({"WEBCAM", "AUDIO_RECORD", "LOAD_3D", "LOAD_3D_ANIMATION"})
# Lists of files to which a pack's own script uploads, by class and input, with the kind of file
# (docs/comfyui.md#53).
PACK_UPLOADS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "VHS_LoadVideo": {"video": "video"},
        "VHS_LoadVideoFFmpeg": {"video": "video"},
        "VHS_LoadAudioUpload": {"audio": "audio"},
        "PixaromaLoadVideo": {"video": "video"},
        "PixaromaLoadVideoFrame": {"video": "video"},
    }
)
# Inputs of nodes that load an image from base64 text (docs/comfyui.md#55). In classes named so, the
# input has another name.
_BASE64 = re.compile(r"base64|b64", re.IGNORECASE)
_BASE64_INPUTS = frozenset({"image", "mask", "data", "image_data", "image_url"})
_PACKED = re.compile(r"gzip", re.IGNORECASE)
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\s-]+")
# Names of inputs that take a path. ComfyUI doesn't declare them:
# `LoadImageDataSetFromFolder.folder`, `LoadLatent.latent` and `GeminiInputFiles.file` are plain
# lists, and `Preview3D.model_file` is a plain text.
_FOLDER = re.compile(
    r"\A(.+_)?(path|folder|dir|directory|directories|dataset)s?(_name|_list)?(_?\d+)?", re.ASCII
)
_FILE = re.compile(r"\A(.+_)?(file|filename)s?(_name|_list)?(_?\d+)?", re.ASCII)
_MEDIUM = re.compile(r"(image|video|audio|mask|latent)s?(_name|_list)?(_?\d+)?", re.ASCII)
_MEDIUM_OR_ADDRESS = re.compile(
    r"\A(.+_)?(image|video|audio|mask|latent|url|uri)s?(_name|_list)?(_?\d+)?", re.ASCII
)
_MEDIA_ENDING = re.compile(
    r"\A(png|apng|jpe?g?|webp|gif|bmp|tiff?|avif|heic|exr|hdr|svg|psd|mp4|webm|mov|mkv|avi|flv|m4v|mp3|wav|flac|ogg|opus"
    r"|m4a|aac|glb|gltf|obj|fbx|stl|ply|k?splat|spz|usdz|latent|pkl|npy|pdf|txt|csv|zip)(\s*\[\w+\])?\s*",
    re.IGNORECASE,
)


def may_name_file(name: str, value_type: str, choices: Iterable[object]) -> bool:
    """Tell if an input takes the name of a file or folder, by its `bare_name` and, for a list, also
    by its choices."""
    by_name = bool(_FILE.fullmatch(name)) or is_folder_name(name)
    match value_type:
        case "COMBO" | "COMFY_DYNAMICCOMBO_V3":
            named = by_name or bool(_MEDIUM.fullmatch(name))
            return (named and not name.startswith("model")) or any(map(is_media_file, choices))
        case "STRING":
            return by_name or bool(_MEDIUM_OR_ADDRESS.fullmatch(name))
        case "*":
            return by_name
        case _:
            return False


def takes_base64_image(class_type: str, name: str, outputs: Iterable[str]) -> bool:
    """Tell if a text input of a class with these output types takes an image as base64 text."""
    by_name = bool(_BASE64.search(name))
    by_class = bool(_BASE64.search(class_type)) and name in _BASE64_INPUTS
    loads = not {"IMAGE", "MASK"}.isdisjoint(outputs) and not _PACKED.search(class_type)
    return loads and (by_name or by_class)


def bare_name(name: str) -> str:
    """Return a name without its prefix before a dot, in snake case: `a.filePath` becomes
    file_path."""
    return _WORD_ENDS.sub("_", name.rpartition(".")[2]).lower()


def is_folder_name(name: str) -> bool:
    """Tell if an input has a typical name for folders."""
    return bool(_FOLDER.fullmatch(name))


def is_media_file(value: object) -> bool:
    """Tell if a text is the name of an image, video, sound, 3D model or another file that users
    create."""
    if not isinstance(value, str):
        return False
    stem, _, ending = value.rpartition(".")
    return bool(stem and _MEDIA_ENDING.fullmatch(ending))


def is_no_file(value: object) -> bool:
    """Tell if a value means no file in an input for a file name."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "none"))
