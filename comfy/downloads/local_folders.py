"""Model folders of a ComfyUI on this machine, as it reports them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.json_values import as_dicts, as_list, as_text, parse_json
from comfy.comfyui.client.client import Client
from comfyforms.comfyui_node.downloads.problems import HostUnreachable
from comfyforms.comfyui_node.downloads.targets import ModelFolder


def model_folders(client: Client) -> Mapping[str, ModelFolder]:
    """Return the model folders by name, from `GET /experiment/models`. Raises HostUnreachable if
    ComfyUI doesn't answer, as while it starts."""
    try:
        answer = client.ask_node("GET", "/experiment/models")
        raw = parse_json(answer.content) if answer.ok else None
    except (ComfyError, ValueError, RecursionError):
        raw = None
    if not isinstance(raw, list):
        raise HostUnreachable("ComfyUI doesn't report its model folders. It may be starting.")
    return {
        as_text(one.get("name")): ModelFolder(
            tuple(Path(as_text(path)) for path in as_list(one.get("folders"))),
            frozenset(map(as_text, as_list(one.get("extensions")))),
        )
        for one in as_dicts(raw)
    }
