"""Stand-in ComfyUI server with real HTTP, WebSockets and procedural images. Used as the embedded
default and in tests."""

from __future__ import annotations

from comfy.demo.server.faults import FaultKind, HttpKind, Misbehavior, SocketKind
from comfy.demo.server.models import (
    DemoModel,
    DemoModels,
    Templates,
    folder_templates,
    package_templates,
    stand_in_models,
)
from comfy.demo.server.server import DemoServer

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
