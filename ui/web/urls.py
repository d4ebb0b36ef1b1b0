"""URLs of a run's files, as browsers request them."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from comfy.comfyui.protocol.outputs import OutputFile

COVERS = "/page/covers"
ENDPOINTS = "/endpoints"  # another address of the app, for clients
_SMALL = 2048  # bytes
_WITHOUT_THUMBNAIL = (".svg", ".svgz", ".exr", ".hdr", ".jxl", ".heic")
_WITH_WAVEFORM = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aif", ".aiff")


def file_address(run_id: str, index: int, file: OutputFile) -> str:
    """Return the path of the file at `index` of the run's results, relative to the app's root."""
    return f"/files/{run_id}/{index}/{quote(download_name(file.name))}"


def thumbnail_address(run_id: str, index: int, file: OutputFile) -> str | None:
    """Return the path of a file's thumbnail; None unless it is a stored image or sound in a
    readable format, or a stored file with a preview."""
    name = file.filename.lower()
    match file.kind:
        case _ if file.preview_id:
            can_be = bool(file.digest)
        case "image":
            can_be = bool(file.digest) and not name.endswith(_WITHOUT_THUMBNAIL)
        case "audio":
            can_be = bool(file.digest) and name.endswith(_WITH_WAVEFORM)
        case _:
            can_be = False
    return f"/files/{run_id}/{index}/thumb" if can_be else None


def given_address(run_id: str, index: int) -> str:
    """Return the path of one of a run's input files, by its index."""
    return f"/files/{run_id}/given/{index}"


def unpainted_address(run_id: str, index: int) -> str:
    """Return the path of a painted input image without its mask."""
    return f"{given_address(run_id, index)}/unpainted"


def link_address(token: str) -> str:
    """Return the path of the page behind a link to results."""
    return f"/shared/{token}"


def shared_file_address(token: str, n: int, name: str) -> str:
    """Return the path of a linked result itself; the name is only for readers."""
    return f"{link_address(token)}/{n}/{quote(name)}"


def shared_zip_address(token: str) -> str:
    """Return the path of the ZIP of a link's results."""
    return f"{link_address(token)}/all.zip"


def download_name(filename: str) -> str:
    """Return the last part of the server's file name, without characters that could leave a folder
    or a header."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    return "".join(c for c in name if c.isprintable() and c not in '"<>|:*?') or "file"


def cover_address(workflow: str, cover: Path) -> str:
    """Return the path of a workflow's cover image. It changes with the image."""
    with suppress(OSError):
        return f"{COVERS}/{quote(workflow)}?{cover.stat().st_mtime_ns}"
    return ""


def idea_cover_address(workflow: str, cover: Path) -> str:
    """Return the URL of an idea's image. It contains a small image, which saves the browser a
    request."""
    with suppress(OSError):
        if cover.stat().st_size <= _SMALL:
            return f"data:image/{cover.suffix[1:]};base64,{b64encode(cover.read_bytes()).decode()}"
    return f"{COVERS}/{quote(workflow)}?image={quote(cover.name)}"
