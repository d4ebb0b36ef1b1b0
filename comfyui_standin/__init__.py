"""Stand-in ComfyUI server with real HTTP, WebSockets and procedural images. Used as the embedded
default and in tests."""

from __future__ import annotations

from comfyui_standin.server.faults import FaultKind, HttpKind, Misbehavior, SocketKind
from comfyui_standin.server.models import (
    DemoModel,
    DemoModels,
    Templates,
    folder_templates,
    package_templates,
    stand_in_models,
)
from comfyui_standin.server.server import DemoServer

__all__ = [
    "DemoModel",
    "DemoModels",
    "DemoServer",
    "FaultKind",
    "HttpKind",
    "Misbehavior",
    "SocketKind",
    "Templates",
    "folder_templates",
    "package_templates",
    "stand_in_models",
]
