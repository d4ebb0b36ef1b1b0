"""HTTP routes of the stand-in, with the responses of ComfyUI 0.33, each also under /api
(docs/comfyui.md#28).

POST /upload/image and /upload/mask: folders and names of uploaded files (docs/comfyui.md#22).
"""

from __future__ import annotations

import asyncio
import io
import json
import mimetypes
import os
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from comfyui_standin.anything.definitions import Definitions, definitions
from comfyui_standin.anything.paintings import painting
from comfyui_standin.nodes.base import NodeClass, RawPrompt
from comfyui_standin.nodes.image import painted_mask
from comfyui_standin.nodes.registry import with_definitions
from comfyui_standin.server import jobs_api as jobs
from comfyui_standin.server import validation
from comfyui_standin.server.executor import Worker
from comfyui_standin.server.prompt_queue import PromptQueue, QueueItem
from comfyui_standin.server.sockets import Sockets
from comfyui_standin.storage import Storage, UnsafePath

Answer = dict[str, str]
VERSION = "0.33.0"
_LARGEST_WORKFLOW = 10 * 1024**2  # bytes
_MODEL_FOLDERS = [
    "checkpoints",
    "configs",
    "loras",
    "vae",
    "text_encoders",
    "diffusion_models",
    "clip_vision",
    "style_models",
    "embeddings",
    "diffusers",
    "vae_approx",
    "controlnet",
    "gligen",
    "upscale_models",
    "hypernetworks",
    "photomaker",
    "classifiers",
]
_SECRETS = ("auth_token_comfy_org", "api_key_comfy_org")  # in `extra_data`
_HOME = """<!doctype html><meta charset="utf-8"><title>ComfyForms stand-in</title>
<p>This is the stand-in server of ComfyForms. It speaks ComfyUI's API and draws
procedural images without a model.
Its nodes are listed under <a href="object_info">/object_info</a>.</p>"""
OWN_NODE = "PartnerText"  # by which clients recognize a stand-in
Handler = Callable[[Request], Awaitable[Response]]


def _upload_image(storage: Storage, form: FormData) -> Answer | None:
    """Store the file `image` and return its final name. None: refuse with 400."""
    return _store(storage, form, lambda data: data)


def _upload_mask(storage: Storage, form: FormData) -> Answer | None:
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
    if storage.built_in and overwrite and not data:
        storage.remove(path)
    elif overwrite or not path.exists():
        storage.write(path, convert(data))
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


class Json(Response):
    """JSON response like the real server's, with the charset in its content type."""

    media_type = "application/json; charset=utf-8"

    def render(self, content: object) -> bytes:
        """Encode JSON like ComfyUI, including spaces."""
        return json.dumps(content).encode()


@dataclass(slots=True)
class Routes:
    """Request handlers and their shared state."""

    queue: PromptQueue
    sockets: Sockets
    storage: Storage
    worker: Worker
    nodes: Mapping[str, NodeClass]
    models: Mapping[str, list[str]]
    features: Mapping[str, Any]
    anything: bool = False
    next_number: int = 0

    def table(self) -> list[BaseRoute]:
        """Return all routes, with and without the /api prefix."""
        handlers: list[tuple[str, str, Handler]] = [
            ("GET", "/prompt", self.get_prompt),
            ("POST", "/prompt", self.post_prompt),
            ("GET", "/queue", self.get_queue),
            ("POST", "/queue", self.post_queue),
            ("GET", "/history", self.get_history),
            ("GET", "/history/{prompt_id}", self.get_history_of),
            ("POST", "/history", self.post_history),
            ("POST", "/interrupt", self.post_interrupt),
            ("POST", "/free", self.post_free),
            ("GET", "/view", self.get_view),
            ("POST", "/upload/image", self.post_upload_image),
            ("POST", "/upload/mask", self.post_upload_mask),
            ("GET", "/object_info", self.get_object_info),
            ("GET", "/object_info/{class_type}", self.get_object_info),
            ("POST", "/standin/definitions", self.post_definitions),
            ("GET", "/features", self.get_features),
            ("GET", "/system_stats", self.get_system_stats),
            ("GET", "/models", self.get_models),
            ("GET", "/models/{folder}", self.get_models_in),
            ("GET", "/embeddings", self.get_embeddings),
            ("GET", "/extensions", self.get_extensions),
            ("POST", "/userdata/{file:path}", self.post_userdata),
        ]
        only_api: list[tuple[str, str, Handler]] = [
            ("GET", "/api/jobs", self.get_jobs),
            ("GET", "/api/jobs/{job_id}", self.get_job),
            ("POST", "/api/jobs/cancel", self.post_cancel_many),
            ("POST", "/api/jobs/{job_id}/cancel", self.post_cancel),
        ]
        both = [
            (method, prefix + path, handler)
            for method, path, handler in handlers
            for prefix in ("", "/api")
        ]
        routes: list[BaseRoute] = [
            Route(path, handler, methods=[method]) for method, path, handler in both + only_api
        ]
        routes += [WebSocketRoute(path, self.sockets.serve) for path in ("/ws", "/api/ws")]
        return [*routes, Route("/", self.get_home)]

    # --- prompts

    async def get_prompt(self, request: Request) -> Response:
        """`GET /prompt`: return the number of waiting and running prompts."""
        return Json(self.status())

    def status(self) -> dict[str, Any]:
        """Return the queue length: GET /prompt and the `status` message."""
        return {"exec_info": {"queue_remaining": self.queue.remaining()}}

    async def post_prompt(self, request: Request) -> Response:
        """`POST /prompt`: validate a prompt and queue it, or return its errors."""
        body = await request.json()
        number = self._number(body)
        if "prompt" not in body:
            return _refused(
                validation.error("no_prompt", "No prompt provided", "No prompt provided")
            )
        prompt_id = body.get("prompt_id") or str(uuid.uuid4())
        if not validation.is_prompt_id(prompt_id):
            details = (
                "prompt_id must be a UUID string in canonical lowercase hyphenated form; "
                "omit it to let the server generate one"
            )
            return _refused(
                validation.error("invalid_prompt_id", "prompt_id must be a valid UUID", details)
            )
        prompt = body["prompt"]
        result, nodes = self.validated(
            prompt, body.get("extra_data"), body.get("partial_execution_targets")
        )
        if result.error is not None:
            return _refused(result.error, result.node_errors)
        extra_data = dict(body.get("extra_data") or {})
        if "client_id" in body:
            extra_data["client_id"] = body["client_id"]
        extra_data["create_time"] = int(time.time() * 1000)
        secrets = {key: extra_data.pop(key) for key in _SECRETS if key in extra_data}
        self.queue.put(
            QueueItem(number, prompt_id, prompt, extra_data, result.outputs, nodes, secrets)
        )
        return Json({"prompt_id": prompt_id, "number": number, "node_errors": result.node_errors})

    def validated(
        self, prompt: RawPrompt, extra_data: object = None, targets: Collection[str] | None = None
    ) -> tuple[validation.ValidationResult, Mapping[str, NodeClass]]:
        """Validate a prompt as `POST /prompt` does. Return the node classes for it, too."""
        nodes = self._nodes_for(prompt, extra_data)
        return validation.validate(prompt, nodes, self.storage, targets), nodes

    def _nodes_for(self, prompt: RawPrompt, extra_data: object) -> Mapping[str, NodeClass]:
        """Return the node classes for a prompt. In open mode it may use others than the server's:
        they are defined by the graph that was sent with it, else by the prompt."""
        if not self.anything:
            return self.nodes
        graph = extra_data
        for key in ("extra_pnginfo", "workflow"):
            graph = graph.get(key) if isinstance(graph, dict) else None
        drawn, own = (self._definitions(one).entries for one in (graph, prompt))
        richer = {
            name: entry
            for name, entry in drawn.items()
            if name in own
            and name not in self.nodes
            and len(entry["output"]) >= len(own[name]["output"])
        }
        return with_definitions(self.nodes, own | richer)

    def _definitions(self, workflow: object) -> Definitions:
        known = {name: node.describe(self.storage) for name, node in self.nodes.items()}
        return definitions(workflow, known)

    def _number(self, body: Mapping[str, Any]) -> float:
        if "number" in body:
            return float(body["number"])
        number = self.next_number
        self.next_number += 1
        return -number if body.get("front") else number

    async def get_queue(self, request: Request) -> Response:
        """`GET /queue`: list the running and the waiting prompts."""
        running, waiting = self.queue.snapshot()
        return Json(
            {
                "queue_running": [item.as_list() for item in running],
                "queue_pending": [item.as_list() for item in waiting],
            }
        )

    async def post_queue(self, request: Request) -> Response:
        """`POST /queue`: remove waiting prompts, all or some."""
        body = await request.json()
        if body.get("clear"):
            self.queue.clear()
        for prompt_id in body.get("delete", ()):
            self.queue.delete(prompt_id)
        return Response()

    async def post_interrupt(self, request: Request) -> Response:
        """`POST /interrupt`: stop the running prompt, or this prompt if it is running."""
        try:
            body = await request.json()
        except ValueError:
            body = {}
        self.queue.interrupt(body.get("prompt_id") or None)
        return Response()

    async def post_free(self, request: Request) -> Response:
        """`POST /free`: clear the result cache."""
        body = await request.json()
        if body.get("free_memory"):
            self.worker.free()
        return Response()

    # --- history and jobs

    async def get_history(self, request: Request) -> Response:
        """`GET /history`: list finished prompts."""
        max_items = request.query_params.get("max_items")
        offset = int(request.query_params.get("offset", -1))
        return Json(
            self.queue.history(
                max_items=None if max_items is None else int(max_items), offset=offset
            )
        )

    async def get_history_of(self, request: Request) -> Response:
        """`GET /history/{prompt_id}`: return one finished prompt, or {}."""
        return Json(self.queue.history_of(request.path_params["prompt_id"]))

    async def post_history(self, request: Request) -> Response:
        """`POST /history`: delete finished prompts, all or some."""
        body = await request.json()
        if body.get("clear"):
            self.queue.forget()
        for prompt_id in body.get("delete", ()):
            if self.storage.built_in:
                self._delete_results(prompt_id)
            self.queue.forget(prompt_id)
        return Response()

    def _delete_results(self, prompt_id: str) -> None:
        for entry in self.queue.history_of(prompt_id).values():
            for output in entry["outputs"].values():
                for path in self.storage.listed(output):
                    self.storage.remove(path)

    async def get_jobs(self, request: Request) -> Response:
        """`GET /api/jobs`: list prompts in any state, filtered and sorted."""
        try:
            query = jobs.parse_query(request.query_params)
        except ValueError as exc:
            return Json({"error": str(exc)}, 400)
        return Json(jobs.listing(self.queue, query))

    async def get_job(self, request: Request) -> Response:
        """`GET /api/jobs/{job_id}`: return one prompt in any state."""
        job = jobs.find(self.queue, request.path_params["job_id"])
        return Json({"error": "Job not found"}, 404) if job is None else Json(job)

    async def post_cancel(self, request: Request) -> Response:
        """`POST /api/jobs/{job_id}/cancel`: stop a prompt or remove it from the queue."""
        return Json({"cancelled": jobs.cancel(self.queue, request.path_params["job_id"])})

    async def post_cancel_many(self, request: Request) -> Response:
        """`POST /api/jobs/cancel`: stop several prompts, or remove them from the queue."""
        try:
            ids = (await request.json())["job_ids"]
        except (ValueError, KeyError, TypeError):
            return Json({"error": "job_ids must be a list"}, 400)
        invalid = [one for one in ids if not validation.is_prompt_id(one)]
        if invalid:
            return Json({"error": "job_ids contains invalid id(s)", "invalid_ids": invalid}, 400)
        cancelled = [jobs.cancel(self.queue, one) for one in ids]
        return Json({"cancelled": any(cancelled)})

    # --- files

    async def post_upload_image(self, request: Request) -> Response:
        """`POST /upload/image`: store a file."""
        return await self._upload(request, _upload_image)

    async def post_upload_mask(self, request: Request) -> Response:
        """`POST /upload/mask`: store a mask as the alpha channel of an image."""
        return await self._upload(request, _upload_mask)

    async def _upload(
        self, request: Request, upload: Callable[..., Mapping[str, str] | None]
    ) -> Response:
        async with request.form() as form:
            answer = upload(self.storage, form)
        return Response(status_code=400) if answer is None else Json(answer)

    async def post_userdata(self, request: Request) -> Response:
        """`POST /userdata/{file}`: store a user's file, such as a workflow."""
        path = self.storage.inside(self.storage.user, request.path_params["file"])
        if path.exists() and request.query_params.get("overwrite") == "false":
            return Response(status_code=409)
        self.storage.write(path, await request.body())
        return Json(request.path_params["file"])

    async def get_view(self, request: Request) -> Response:
        """`GET /view`: return a file, an image as WebP or JPEG, or one of its channels."""
        query = request.query_params
        name, folder = self.storage.split_annotation(query.get("filename", ""))
        if "filename" not in query:
            return Response(status_code=404)
        if not name or name.startswith("/") or ".." in name:
            return Response(status_code=400)
        folder = folder or self.storage.folder(query.get("type", "output"))
        if folder is None:
            return Response(status_code=400)
        try:
            path = self.storage.inside(
                self.storage.inside(folder, query.get("subfolder", "")), Path(name).name
            )
        except UnsafePath:
            return Response(status_code=403)
        if not path.is_file():
            if not self.anything or folder != self.storage.folder("input"):
                return Response(status_code=404)
            kind = mimetypes.guess_type(name, strict=False)[0] or ""
            is_media = kind.startswith(("image/", "video/", "audio/"))
            if query.get("channel") == "rgba":  # for its mask
                return Response(await asyncio.to_thread(painted_mask, name), media_type="image/png")
            data = await asyncio.to_thread(painting, name)
            return Response(data, media_type=kind if is_media else "image/png")
        if "preview" in query:
            return _smaller(path, query["preview"])
        return _file(path)

    # --- server information

    async def get_object_info(self, request: Request) -> Response:
        """`GET /object_info`: return all node classes, or one."""
        wanted = request.path_params.get("class_type")
        names = self.nodes if wanted is None else [wanted] if wanted in self.nodes else []
        found = {name: self.nodes[name].describe(self.storage) for name in names}
        if self.anything and OWN_NODE in found:
            found[OWN_NODE] = {**found[OWN_NODE], "runs_anything": True}
        return Json(found)

    async def post_definitions(self, request: Request) -> Response:
        """`POST /standin/definitions`: return definitions that a workflow needs and `/object_info`
        lacks, and the names of the classes among them that the server lacks."""
        if not self.anything:
            return Response(status_code=404)
        if len(await request.body()) > _LARGEST_WORKFLOW:
            return Response(status_code=413)
        try:
            body = await request.json()
            found = self._definitions(body.get("workflow") if isinstance(body, dict) else None)
        except (ValueError, RecursionError):  # no JSON, or too deep
            return Response(status_code=400)
        return Json({"definitions": found.entries, "guessed": found.guessed})

    async def get_features(self, request: Request) -> Response:
        """`GET /features`: return the server's features."""
        return Json(self.features)

    async def get_models(self, request: Request) -> Response:
        """`GET /models`: list the model folders."""
        return Json(_MODEL_FOLDERS)

    async def get_models_in(self, request: Request) -> Response:
        """`GET /models/{folder}`: list the models in a folder."""
        folder = request.path_params["folder"]
        if folder not in _MODEL_FOLDERS:
            return Response(status_code=404)
        return Json(self.models.get(folder, []))

    async def get_embeddings(self, request: Request) -> Response:
        """`GET /embeddings`: return an empty list."""
        return Json([])

    async def get_extensions(self, request: Request) -> Response:
        """`GET /extensions`: return an empty list."""
        return Json([])

    async def get_system_stats(self, request: Request) -> Response:
        """`GET /system_stats`: return made-up versions and memory."""
        memory = 8 * 1024**3
        system = {
            "os": sys.platform,
            "ram_total": memory,
            "ram_free": memory // 2,
            "comfyui_version": VERSION,
            "required_frontend_version": None,
            "installed_templates_version": None,
            "required_templates_version": None,
            "comfy_package_versions": [],
            "python_version": sys.version,
            "pytorch_version": "none (stand-in)",
            "embedded_python": False,
            "deploy_environment": "comfyforms-demo",
            "argv": ["main.py"],
        }
        keys = ("vram_total", "vram_free", "torch_vram_total", "torch_vram_free")
        device = {"name": "stand-in", "type": "cpu", "index": None, **dict.fromkeys(keys, memory)}
        return Json({"system": system, "devices": [device]})

    async def get_home(self, request: Request) -> Response:
        """`GET /`: return a page that describes the stand-in."""
        return HTMLResponse(_HOME)


def _refused(error: dict[str, Any], node_errors: Mapping[str, Any] | None = None) -> Response:
    return Json({"error": error, "node_errors": node_errors or {}}, 400)


def _file(path: Path) -> Response:
    """Return a file response with Range support. Types that a browser would run are sent as
    downloads."""
    content_type = mimetypes.guess_type(path.name, strict=False)[0] or "application/octet-stream"
    headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": _named(path)}
    if content_type.endswith(("xml", "html", "javascript", "/css")):
        content_type = "application/octet-stream"
        headers["Content-Disposition"] = f"attachment; {_named(path)}"
    return FileResponse(path, headers=headers, media_type=content_type)


def _named(path: Path) -> str:
    """Return the file's name for a header. Names with other characters than printable ones of
    Latin-1 are encoded as in RFC 8187."""
    if max(path.name) > "\xff" or not path.name.isprintable():
        return f"filename*=UTF-8''{quote(path.name, safe='', errors='surrogateescape')}"
    name = path.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'filename="{name}"'


def _smaller(path: Path, wanted: str) -> Response:
    """Return the image as lossy WebP or JPEG: `preview=webp;90`."""
    kind, _, quality = wanted.partition(";")
    kind = kind if kind in ("webp", "jpeg") else "webp"
    buffer = io.BytesIO()
    with Image.open(path) as image:
        shown = image.convert("RGB") if kind == "jpeg" else image
        shown.save(buffer, kind, quality=int(quality) if quality.isdigit() else 90)
    headers = {"Content-Disposition": _named(path)}
    return Response(buffer.getvalue(), media_type=f"image/{kind}", headers=headers)
