"""Nodes, models and machines behind ComfyUI's API: of all servers together, as the caller may see
them. Sources of the facts: ComfyUI's `server.py`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from threading import Condition
from typing import Any

from cachetools import LRUCache, TTLCache, cached
from fastapi import HTTPException, Response

from comfy.base.errors import ComfyError
from comfy.base.json_values import as_dicts, as_mapping, as_number
from comfy.base.threads import in_threads
from comfy.comfyui.discovery import APP
from comfy.comfyui.input_spec import DIFFERS, InputSpec, parse_input
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ANSWER_SECONDS, ComfyServer
from comfy.library.forms import Forms
from comfy.model_files.lists import ModelFiles
from comfyforms.hooks import Access, GuardedRoutes, PluginApp
from comfyforms.plugins.comfyui_api.errors import comfyui_errors
from comfyforms.plugins.comfyui_api.files import OwnFiles
from ui.web.access import Owner
from ui.web.limits import BodyLimit
from ui.web.responses import AsciiJSON
from ui.web.shares import Work

_FRESH = 10.0  # seconds that an answer of the servers stays valid for all callers
_LONGEST, _MOST_DEVICES = 200, 64  # limits for untrusted values
# Parts of `/system_stats`. Others may name folders.
_SYSTEM = ("os", "ram_total", "ram_free", "comfyui_version", "python_version", "pytorch_version")
_MEMORY = ("vram_total", "vram_free", "torch_vram_total", "torch_vram_free")
_DEVICE = ("name", "type", "index", *_MEMORY)
_Lists = Callable[[InputSpec], list[object]]


class NodeLists:
    """Node definitions without the names of other users' files. Thread-safe."""

    def __init__(self, forms: Forms, files: OwnFiles) -> None:
        self._forms, self._files = forms, files
        self._hidden = cached(LRUCache[Any, Any](1), key=id, condition=Condition())(_hidden)

    def of(self, owner: str, node: str | None = None) -> dict[str, Any]:
        """Return the nodes that the user may use in a prompt, or only `node` if it is one of them,
        in the format of `/object_info`. Lists of files have only the user's own uploads, unless the
        administrator trusts the user. Raises WorkflowError for a user who may send no prompts, and
        ServerUnreachable or ServerError. Waits for the servers."""
        permissions = self._forms.permissions
        permissions.check_open(owner)
        catalog, trusted = self._forms.catalog.get(), permissions.trusts(owner)
        _, hidden, with_files = self._hidden(catalog)  # keeps the catalog, and so its id
        allowed = permissions.nodes

        @cache  # many inputs have the same list
        def names(media: str) -> list[str]:
            return self._files.names(owner, media)

        def own_files(spec: InputSpec) -> list[object]:
            media = "" if spec.upload == "file" else spec.upload
            own = names(media) if media is not None else []
            return [*own, *(spec.choices or ())] if trusted else [*own]

        return {
            name: _shown(catalog.raw[name], "", own_files) if name in with_files else hidden[name]
            for name in (hidden if node is None else [node])
            if name in hidden and (allowed is None or name in allowed)
        }


def _hidden(catalog: Catalog) -> tuple[Catalog, dict[str, Any], frozenset[str]]:
    """Return the nodes of a catalog without names of files, and the classes with such inputs."""
    nodes = {name: _shown(catalog.raw[name], "", lambda _: []) for name in catalog}
    with_files = (name for name in catalog if any(one.names_files for one in catalog[name].inputs))
    return catalog, nodes, frozenset(with_files)


def _shown(value: Any, name: str, lists: _Lists) -> Any:  # noqa: ANN401 - any JSON value
    """Return a part of a node's definition with other lists of files, at any depth. `name`: of the
    part, which may be an input."""
    match value:
        case dict():
            return {key: _shown(one, key, lists) for key, one in value.items() if key != DIFFERS}
        case [list() | "COMBO" as head, *more]:
            spec = parse_input(name, value, required=True)
            if not spec.names_files:
                return [head, *(_shown(one, name, lists) for one in more)]
            if isinstance(head, list):
                return [lists(spec), *more]
            return [head, {**spec.options, "options": lists(spec)}]
        case [dict() | list(), *_] | [_, dict(), *_]:
            return [_shown(one, name, lists) for one in value]
        case _:
            return value


def shared_stats(servers: ServerPool) -> Callable[[], dict[str, Any]]:
    """Return a function for `/system_stats`: the system of the first server that answers, and the
    devices of all. It asks the servers at most once in ten seconds for all callers, and raises
    ServerUnreachable."""

    @cached(TTLCache[Any, dict[str, Any]](1, _FRESH), condition=Condition())
    def ask() -> dict[str, Any]:
        asked = [one for one in servers.servers if one.up] or [*servers.servers]
        answers = in_threads(_stats_of, asked, name="stats")
        known = [one for one in answers if not isinstance(one, ComfyError)]
        if not known:
            raise next(one for one in answers if isinstance(one, ComfyError))
        system = _facts(as_mapping(known[0].get("system")), _SYSTEM)
        devices = [one for stats in known for one in as_dicts(stats.get("devices"))]
        return {
            APP: True,
            "system": system | {"embedded_python": False, "argv": ["main.py"]},
            "devices": [_facts(one, _DEVICE) for one in devices[:_MOST_DEVICES]],
        }

    return ask


def _stats_of(server: ComfyServer) -> Mapping[str, Any] | ComfyError:
    try:
        return server.client.fork(timeout=ANSWER_SECONDS).system_stats()
    except ComfyError as problem:
        return problem


def _facts(given: Mapping[str, Any], wanted: Collection[str]) -> dict[str, object]:
    values = {key: given.get(key) for key in wanted}
    return {
        key: value[:_LONGEST] if isinstance(value, str) else as_number(value)
        for key, value in values.items()
    }


def server_routes(app: PluginApp) -> GuardedRoutes:
    services = app.services
    permissions = services.forms.permissions
    nodes = NodeLists(services.forms, OwnFiles(services.copies, permissions))
    most = min(services.limits.file.size, services.limits.most_of(BodyLimit.FILES))
    stats, check = shared_stats(services.servers), permissions.check_open
    return GuardedRoutes.of(ServerCalls(nodes, services.model_files, stats, check, most))


@dataclass(frozen=True, slots=True)
class ServerCalls:
    """Handlers of the calls that describe the servers. `check`: raises WorkflowError for users who
    may send no prompts. `most`: bytes of an upload."""

    nodes: NodeLists
    models: ModelFiles
    stats: Callable[[], dict[str, Any]]
    check: Callable[[str], None]
    most: int

    routes = GuardedRoutes(errors=comfyui_errors)

    @routes.get("/object_info", Access.SIGNED_IN, work=Work.CATALOG)
    def object_info(self, owner: Owner) -> Response:
        return _json(self.nodes.of(owner))

    @routes.get("/object_info/{name:path}", Access.SIGNED_IN, work=Work.CATALOG)
    def node(self, name: str, owner: Owner) -> Response:
        """Return one node, or `{}`."""
        return _json(self.nodes.of(owner, name))

    @routes.get("/models", Access.SIGNED_IN, work=Work.HEALTH)
    def folders(self, owner: Owner) -> Response:
        self.check(owner)
        return AsciiJSON(self.models.folders())

    @routes.get("/models/{folder}", Access.SIGNED_IN, work=Work.HEALTH)
    def files(self, folder: str, owner: Owner) -> Response:
        self.check(owner)
        if folder not in self.models.folders():
            raise HTTPException(404, "This folder doesn't exist.")
        return AsciiJSON(self.models.files(folder))

    @routes.get("/embeddings", Access.SIGNED_IN, work=Work.HEALTH)
    def embeddings(self, owner: Owner) -> Response:
        """Return the names of the embeddings, without extensions."""
        self.check(owner)
        names = map(PurePosixPath, self.models.files("embeddings"))
        return AsciiJSON([str(one.with_suffix("")) for one in names])

    @routes.get("/system_stats", Access.SIGNED_IN, work=Work.HEALTH)
    def system_stats(self) -> Response:
        return AsciiJSON(self.stats())

    @routes.get("/features", Access.SIGNED_IN, is_constant=True)
    async def features(self) -> Response:
        return AsciiJSON({"supports_preview_metadata": True, "max_upload_size": self.most})


def _json(nodes: Mapping[str, Any]) -> Response:
    return Response(json.dumps(nodes), media_type="application/json")  # large, and not translated
