"""Types of results, one row each: ComfyUI's names for them, and their names for users.

An output's key doesn't determine the type: videos and animated images come under `images`, and
custom nodes invent keys (docs/comfyui.md#7). So the file extension decides first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from comfy.base.messages import message

FileKind = Literal["image", "video", "audio", "3d", "file"]
ResultKind = FileKind | Literal["text"]


@dataclass(frozen=True, slots=True)
class ResultType:
    """Type of result.

    `endings` of files, `keys` of a node's output, `types` of a node's inputs and `classes` of nodes
    identify the type; classes are matched in the order of the rows. `also`: other types that a node
    of this type may return. `noun` names the result; `icon` replaces it if it can't be shown.
    """

    noun: str
    icon: str = ""
    endings: str = ""
    keys: tuple[str, ...] = ()
    types: frozenset[str] = frozenset()
    classes: re.Pattern[str] | None = None
    also: frozenset[ResultKind] = frozenset()


# Atomic groups keep the searches linear: the engine doesn't backtrack into them.
RESULT_TYPES: Mapping[ResultKind, ResultType] = MappingProxyType(
    {
        "image": ResultType(
            message("Image"),
            endings="png jpg jpeg webp gif bmp tif tiff avif apng jxl heic svg exr hdr",
            keys=("images",),
            types=frozenset({"IMAGE", "MASK", "SVG"}),
        ),
        "video": ResultType(
            message("Video"),
            icon="▶",
            endings="mp4 webm mkv mov avi m4v mpg mpeg ogv",
            keys=("gifs", "video", "videos"),
            types=frozenset({"VIDEO"}),
            classes=re.compile(
                r"\A(?:.*(video|savewebm|savewan)|(?>.*?combine).*(gif|mp4|webm))", re.I | re.S
            ),
            also=frozenset({"image"}),  # some nodes write an animation as video or image
        ),
        "audio": ResultType(
            message("Audio"),
            icon="♪",
            endings="flac wav mp3 ogg opus m4a aac aiff",
            keys=("audio",),
            types=frozenset({"AUDIO"}),
            classes=re.compile(r"audio|tts", re.I),
        ),
        "3d": ResultType(
            message("3D model"),
            icon="⬡",
            endings="glb gltf obj stl ply fbx usdz splat ksplat spz",
            keys=("3d",),
            types=frozenset({"MESH", "VOXEL", "SPLAT"}),
            classes=re.compile(r"3d|glb|mesh|splat|voxel", re.I),
        ),
        "text": ResultType(
            message("Text"),
            icon="¶",
            types=frozenset({"STRING", "*"}),
            classes=re.compile(r"text|string|anything|PreviewAny|showany", re.I),
            also=frozenset({"file"}),
        ),
        "file": ResultType(message("File"), icon="🗎"),
    }
)
