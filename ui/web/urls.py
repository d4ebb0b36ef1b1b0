"""Addresses of a run's files, as browsers ask for them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from comfy.comfyui.protocol.outputs import OutputFile

COVERS = "/page/covers"
ENDPOINTS = "/endpoints"  # before the paths of an app of named endpoints alone
_WITHOUT_THUMBNAIL = (".svg", ".svgz", ".exr", ".hdr", ".jxl", ".heic")
_WITH_WAVEFORM = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aif", ".aiff")


def file_address(run_id: str, index: int, file: OutputFile) -> str:
    """The path of the file at `index` of the run's results, relative to the app's root."""
    return f"/files/{run_id}/{index}/{quote(download_name(file.filename))}"


def thumbnail_address(run_id: str, index: int, file: OutputFile) -> str | None:
    """Return the path of a file's thumbnail; None for other files than stored images and sounds of
    readable formats."""
    name = file.filename.lower()
    match file.kind:
        case "image":
            can_be = bool(file.digest) and not name.endswith(_WITHOUT_THUMBNAIL)
        case "audio":
            can_be = bool(file.digest) and name.endswith(_WITH_WAVEFORM)
        case _:
            can_be = False
    return f"/files/{run_id}/{index}/thumb" if can_be else None


def given_address(run_id: str, index: int) -> str:
    """The path of one of the files that a run was given, by its place among them."""
    return f"/files/{run_id}/given/{index}"


def unpainted_address(run_id: str, index: int) -> str:
    """The path of an image that was painted on and given, without its mask."""
    return f"{given_address(run_id, index)}/unpainted"


def link_address(token: str) -> str:
    """The path of the page behind a link to a result."""
    return f"/shared/{token}"


def shared_file_address(token: str, name: str) -> str:
    """The path of that result itself; the name is for people."""
    return f"{link_address(token)}/{quote(name)}"


def download_name(filename: str) -> str:
    """The last part of a name as the server gave it, without anything that could leave a folder or
    a header."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    return "".join(c for c in name if c.isprintable() and c not in '"<>|:*?') or "file"


def cover_address(workflow: str, cover: Path) -> str:
    """Return the path of a workflow's cover image. It changes with the image."""
    with suppress(OSError):
        return f"{COVERS}/{quote(workflow)}?{cover.stat().st_mtime_ns}"
    return ""
