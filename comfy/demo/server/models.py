"""Model files that the stand-in serves as ComfyUI does: their lists, preview images and the
metadata in their headers. A model is only a name here."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from comfy.demo.nodes.registry import MODELS
from comfy.demo.painter.paint import Brief, paint

_SIDE = 384  # pixels of a preview
_MODIFIED = 1_760_000_000.0


@dataclass(frozen=True, slots=True)
class DemoModel:
    """A model file. `preview` returns the image beside it, any bytes; None without one."""

    size: int = 2_000_000_000
    metadata: Mapping[str, str] = field(default_factory=dict)
    preview: Callable[[], bytes | None] = lambda: None


@dataclass(frozen=True, slots=True)
class DemoModels:
    """Model files by folder and name."""

    folders: Mapping[str, Mapping[str, DemoModel]] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, list[str]]:
        """Return the names of the files by folder."""
        return {folder: list(files) for folder, files in self.folders.items()}

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the files, with and without /api."""
        return [
            Route(f"{prefix}{path}", handler)
            for prefix in ("", "/api")
            for path, handler in (
                ("/experiment/models/preview/{folder}/{number:int}/{name:path}", self._preview),
                ("/experiment/models/{folder}", self._list),
                ("/view_metadata/{folder}", self._metadata),
            )
        ]

    async def _list(self, request: Request) -> Response:
        files = self.folders.get(request.path_params["folder"], {})
        return JSONResponse(
            [
                {
                    "name": name,
                    "pathIndex": 0,
                    "modified": _MODIFIED + number * 86_400,
                    "created": _MODIFIED,
                    "size": file.size,
                }
                for number, (name, file) in enumerate(files.items())
            ]
        )

    async def _preview(self, request: Request) -> Response:
        file = self._file(request, request.path_params["name"])
        data = file.preview() if file else None
        return Response(data, 200 if data else 404, media_type="image/webp")

    async def _metadata(self, request: Request) -> Response:
        file = self._file(request, request.query_params.get("filename", ""))
        if file is None or not file.metadata:
            return Response(status_code=404)
        return JSONResponse(dict(file.metadata))

    def _file(self, request: Request, name: str) -> DemoModel | None:
        return self.folders.get(request.path_params["folder"], {}).get(name)


_METADATA: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "demo-landscapes.safetensors": {
            "modelspec.title": "Demo landscapes",
            "modelspec.architecture": "stable-diffusion-v1",
            "modelspec.description": "Paints wide landscapes. Part of the stand-in.",
        },
        "demo-watercolour.safetensors": {
            "modelspec.title": "Demo watercolor",
            "modelspec.architecture": "stable-diffusion-xl-v1-base",
            "modelspec.description": "Paints with wet edges. Part of the stand-in.",
        },
        "demo-evening-light.safetensors": {
            "ss_base_model_version": "sd_v1",
            "ss_output_name": "evening-light",
            "modelspec.trigger_phrase": "evening light, long shadows",
            "ss_tag_frequency": json.dumps({"10_light": {"sunset": 40, "lake": 22, "hills": 17}}),
        },
        "demo-ink-lines.safetensors": {
            "ss_base_model_version": "sdxl_base_v1-0",
            "ss_output_name": "ink-lines",
            "modelspec.trigger_phrase": "ink drawing",
            "ss_tag_frequency": json.dumps({"5_ink": {"monochrome": 31, "sketch": 30}}),
        },
    }
)


def stand_in_models() -> DemoModels:
    """Return the stand-in's own models, with images in their styles."""
    return DemoModels(
        {
            folder: {
                name: DemoModel(
                    144_000_000 if folder == "loras" else 2_000_000_000,
                    _METADATA.get(name, {}),
                    _painter(folder, name),
                )
                for name in names
            }
            for folder, names in MODELS.items()
        }
    )


def _painter(folder: str, name: str) -> Callable[[], bytes | None]:
    return lambda: _painted(folder, name) if name in _METADATA else None


@cache
def _painted(folder: str, name: str) -> bytes:
    """Return an image in a model's style."""
    brief: dict[str, Any] = {"model": MODELS["checkpoints"][0], "loras": ((name, 1.0),)}
    if folder == "checkpoints":
        brief = {"model": name}
    image = paint(
        Brief(
            text="a quiet lake in the mountains at sunset",
            negative="",
            seed=11,
            number=0,
            width=_SIDE,
            height=_SIDE,
            steps=20,
            cfg=8.0,
            sampler="euler",
            scheduler="normal",
            **brief,
        )
    )
    data = io.BytesIO()
    image.save(data, "WEBP")
    return data.getvalue()
