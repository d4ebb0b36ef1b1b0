"""POST /upload/image and /upload/mask: folders and names of uploaded files (docs/comfyui.md#22)."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.datastructures import FormData, UploadFile

from comfy.demo.storage import Storage, UnsafePath

Answer = dict[str, str]


def upload_image(storage: Storage, form: FormData) -> Answer | None:
    """Store the file `image` and return its final name. None: refuse with 400."""
    return _store(storage, form, lambda data: data)


def upload_mask(storage: Storage, form: FormData) -> Answer | None:
    """Store the image named by `original_ref`, with the uploaded image's alpha. None: refuse with
    400."""
    reference = json.loads(str(form.get("original_ref", "null")))
    original = _referenced(storage, reference) if isinstance(reference, dict) else None
    if original is None:
        return None
    return _store(storage, form, lambda mask: _with_alpha(original, mask))


def _store(storage: Storage, form: FormData, convert: Callable[[bytes], bytes]) -> Answer | None:
    upload = form.get("image")
    kind = str(form.get("type") or "input")
    folder = storage.folder(kind)
    if not isinstance(upload, UploadFile) or not upload.filename or folder is None:
        return None
    subfolder = str(form.get("subfolder", ""))
    try:
        directory = storage.inside(folder, os.path.normpath(subfolder))
        # The real server's HTTP library strips leading slashes. Paths that still lead outside are
        # refused.
        wanted = storage.inside(directory, upload.filename.lstrip("\\/"))
    except UnsafePath:
        return None
    data = upload.file.read()
    overwrite = form.get("overwrite") in ("true", "1")
    path = wanted if overwrite else _free_name(wanted, data)
    path.parent.mkdir(parents=True, exist_ok=True)
    if overwrite or not path.exists():
        path.write_bytes(convert(data))
    return {"name": path.relative_to(directory).as_posix(), "subfolder": subfolder, "type": kind}


def _free_name(wanted: Path, data: bytes) -> Path:
    """Return a free path: `photo.png`, or `photo (1).png` … if taken. If a file with the same bytes
    exists, return its path."""
    path, number = wanted, 0
    while path.exists() and path.read_bytes() != data:
        number += 1
        path = wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}")
    return path


def _referenced(storage: Storage, reference: dict[str, str]) -> Path | None:
    name, folder = storage.split_annotation(reference.get("filename", ""))
    folder = folder or storage.folder(reference.get("type", "output"))
    if not name or folder is None or name.startswith("/") or ".." in name:
        return None
    try:
        path = storage.inside(storage.inside(folder, reference.get("subfolder", "")), name)
    except UnsafePath:
        return None
    return path if path.is_file() else None


def _with_alpha(original: Path, mask: bytes) -> bytes:
    with Image.open(original) as image, Image.open(io.BytesIO(mask)) as painted:
        metadata = PngInfo()
        for key, text in getattr(image, "text", {}).items():
            metadata.add_text(key, text)
        composed = image.convert("RGBA")
        alpha = painted.convert("RGBA").getchannel("A")
    composed.putalpha(alpha.resize(composed.size) if alpha.size != composed.size else alpha)
    buffer = io.BytesIO()
    composed.save(buffer, "PNG", compress_level=4, pnginfo=metadata)
    return buffer.getvalue()
