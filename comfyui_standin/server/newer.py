"""Additions of servers after 0.33.0 to results: assets, names for users, previews of 3D models
(docs/comfyui.md#58)."""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from comfyui_standin.storage import Storage

_MODELS = (".glb", ".gltf", ".obj", ".stl", ".ply")
_SIDE = 256  # pixels of a preview


class Assets:
    """Files by asset id. The worker adds them, and the server's event loop reads them."""

    def __init__(self) -> None:
        self._contents: dict[str, Path | bytes] = {}

    def routes(self) -> list[Route]:
        """Return the route that sends an asset's content."""
        return [Route("/api/assets/{asset_id}/content", self._send)]

    async def _send(self, request: Request) -> Response:
        match self._contents.get(request.path_params["asset_id"]):
            case Path() as path:
                return FileResponse(path)
            case bytes() as preview:
                return Response(preview, media_type="image/webp")
            case _:
                return Response(status_code=404)

    def registered(self, ui: Mapping[str, list[Any]], storage: Storage) -> dict[str, list[Any]]:
        """Return a node's output, with an asset and a name for each of its files."""
        return {
            key: [self._with_asset(item, storage) for item in items] for key, items in ui.items()
        }

    def _with_asset(self, item: object, storage: Storage) -> object:
        paths = storage.listed({"": [item]})
        if not paths or not isinstance(item, dict):
            return item
        (path,) = paths
        asset = self._add(path)
        name = f"Result {len(self._contents)}{path.suffix}"
        is_model = path.suffix.lower() in _MODELS
        preview = self._add(_preview(path.stem)) if is_model else asset
        return {**item, "display_name": name, "id": asset, "preview_id": preview}

    def _add(self, content: Path | bytes) -> str:
        asset_id = str(uuid.uuid4())
        self._contents[asset_id] = content
        return asset_id


def _preview(name: str) -> bytes:
    """Return a WebP that stands for a rendered 3D model."""
    image = Image.new("RGB", (_SIDE, _SIDE), "#334")
    draw = ImageDraw.Draw(image)
    draw.polygon([(128, 30), (220, 200), (36, 200)], fill="#c62")
    draw.text((8, 8), name[:30], fill="white")
    buffer = io.BytesIO()
    image.save(buffer, "WEBP")
    return buffer.getvalue()
