"""Check of a ComfyUI server."""

from __future__ import annotations

from comfy.base.errors import ComfyError
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.client import Client


def check_server(address: ServerAddress) -> str:
    """Check that ComfyUI answers. Raises ComfyError."""
    with Client(address) as client:
        system = client.system_stats().get("system")
    if not isinstance(system, dict):
        raise ComfyError("Something other than ComfyUI answers.", "Check --server.")
    return f"ComfyUI {system.get('comfyui_version', '')} answers."
