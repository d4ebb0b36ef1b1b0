"""Model files that the stand-in serves as ComfyUI does: their lists, preview images and the
metadata in their headers. A model is only a name here.

Workflow templates that the stand-in serves as ComfyUI does: `/templates/index.json`, its
workflows and their images, and `/workflow_templates` for node packs.
"""

from __future__ import annotations

import io
import json
import mimetypes
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from comfyui_standin.nodes.registry import MODELS
from comfyui_standin.painter.paint import Brief, paint

_SIDE = 384  # pixels of a preview
_MODIFIED = 1_760_000_000.0
_BROKEN = "demo-broken.safetensors"
_METADATA: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "demo-landscapes.safetensors": {
            "modelspec.title": "Demo landscapes",
            "modelspec.architecture": "stable-diffusion-v1",
            "modelspec.description": "Paints wide landscapes. Part of the stand-in.",
        },
        "demo-watercolour.safetensors": {
            "modelspec.title": "Demo watercolor",
            "modelspec.architecture": "stable-diffusion-v1",
            "modelspec.description": "Paints with wet edges. Part of the stand-in.",
        },
        "demo-evening-light.safetensors": {
            "ss_base_model_version": "sd_v1",
            "ss_output_name": "evening-light",
            "modelspec.trigger_phrase": "evening light, long shadows",
            "ss_tag_frequency": json.dumps({"10_light": {"sunset": 40, "lake": 22, "hills": 17}}),
        },
        "demo-ink-lines.safetensors": {
            "ss_base_model_version": "sd_v1",
            "ss_output_name": "ink-lines",
            "modelspec.trigger_phrase": "ink drawing",
            "ss_tag_frequency": json.dumps({"5_ink": {"monochrome": 31, "sketch": 30}}),
        },
        _BROKEN: {"modelspec.architecture": "not-a-model"},
    }
)
_LOADS = MappingProxyType({"LoadImage": "image", "LoadVideo": "video", "LoadAudio": "audio"})
_SAVES = MappingProxyType(
    {
        "SaveImage": "image",
        "SaveAnimatedWEBP": "image",
        "SaveVideo": "video",
        "SaveAudio": "audio",
        "PreviewAny": "text",
    }
)


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
    is_painted = name in _METADATA and name != _BROKEN
    return lambda: _painted(folder, name) if is_painted else None


@cache
def _painted(folder: str, name: str) -> bytes:
    """Return an image in a model's style."""
    brief: dict[str, Any] = {"model": MODELS["checkpoints"][0], "loras": ((name, 1.0),)}
    if folder == "checkpoints":
        brief = {"model": name}
    image = paint(
        Brief(
            text="a quiet lake in the mountains at sunset",
            seed=11,
            width=_SIDE,
            height=_SIDE,
            cfg=8.0,
            **brief,
        )
    )
    data = io.BytesIO()
    image.save(data, "WEBP")
    return data.getvalue()


@dataclass(frozen=True, slots=True)
class Templates:
    """Served files by their path below `/templates/`, and files of node packs by their path below
    `/workflow_templates/`."""

    files: Mapping[str, bytes | Path] = field(default_factory=dict)
    packs: Mapping[str, bytes | Path] = field(default_factory=dict)

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the files and of the packs' list, with and without /api."""
        return [
            Route(f"{prefix}{path}", handler)
            for prefix in ("", "/api")
            for path, handler in (
                ("/templates/{path:path}", self._get_template),
                ("/workflow_templates", self._get_packs),
                ("/workflow_templates/{path:path}", self._get_pack_template),
            )
        ]

    async def _get_template(self, request: Request) -> Response:
        return _published(self.files, request)

    async def _get_packs(self, request: Request) -> Response:
        return JSONResponse(self.listed)

    async def _get_pack_template(self, request: Request) -> Response:
        return _published(self.packs, request)

    @property
    def listed(self) -> dict[str, list[str]]:
        """Return the names of the packs' templates, by pack."""
        found: dict[str, list[str]] = {}
        for path in self.packs:
            pack, _, file = path.partition("/")
            if file.endswith(".json"):
                found.setdefault(pack, []).append(file.removesuffix(".json"))
        return found


def _published(files: Mapping[str, bytes | Path], request: Request) -> Response:
    path = request.path_params["path"]
    content = files.get(path)
    if content is None:
        return Response(status_code=404)
    media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
    data = content.read_bytes() if isinstance(content, Path) else content
    return Response(data, media_type=media_type)


def package_templates() -> Templates | None:
    """Return the templates of the package `comfyui-workflow-templates`; None if it isn't installed
    or has another shape."""
    try:
        package = import_module("comfyui_workflow_templates")
    except ImportError:
        return None
    files: dict[str, bytes | Path] = {}
    for entry in package.iter_templates():
        for asset in entry.assets:
            try:
                path = Path(package.get_asset_path(entry.template_id, asset.filename))
            except FileNotFoundError:
                continue
            files[asset.filename] = path
    return Templates(files) if "index.json" in files else None


def folder_templates(folder: Path) -> Templates:
    """Return the workflows directly in a folder as templates, with the titles and images of the
    TOML files beside them."""
    files: dict[str, bytes | Path] = {}
    entries = []
    for workflow in sorted(folder.glob("*.json")):
        prompt = json.loads(workflow.read_bytes())
        about = _about(workflow.with_suffix(".toml"))
        cover = about.get("cover") or ""
        ending = cover.rpartition(".")[2]
        entries.append(
            {
                "name": workflow.stem,
                "title": about.get("title") or workflow.stem,
                "description": about.get("description") or "",
                "mediaType": "image",
                "mediaSubtype": ending,
                "usage": 100 - int(about.get("order") or 0),
                "io": {"inputs": _sides(prompt, _LOADS), "outputs": _sides(prompt, _SAVES)},
            }
        )
        files[f"{workflow.stem}.json"] = json.dumps(_with_own_model(prompt)).encode()
        if cover and workflow.with_name(cover).is_file():
            files[f"{workflow.stem}-1.{ending}"] = workflow.with_name(cover)
    index = [{"moduleName": "default", "title": "Examples", "templates": entries}]
    files["index.json"] = json.dumps(index).encode()
    return Templates(files)


def _with_own_model(prompt: dict[str, Any]) -> dict[str, Any]:
    """Set the stand-in's model in a prompt, so that it can run here."""
    for node in prompt.values():
        if isinstance(node, dict) and "ckpt_name" in node.get("inputs", {}):
            node["inputs"]["ckpt_name"] = MODELS["checkpoints"][0]
    return prompt


def _about(settings: Path) -> dict[str, Any]:
    return tomllib.loads(settings.read_text("utf-8")) if settings.is_file() else {}


def _sides(prompt: Mapping[str, Any], kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the nodes of a prompt that load or save files."""
    return [
        {
            "nodeId": node_id,
            "nodeType": node["class_type"],
            "file": str(node["inputs"].get("image", "")),
            "mediaType": kinds[node["class_type"]],
        }
        for node_id, node in prompt.items()
        if isinstance(node, dict) and node.get("class_type") in kinds
    ]
