"""A stand-in ComfyUI: real HTTP and WebSocket, procedural images. The embedded default and the
tests' server."""

from __future__ import annotations

from comfy.demo.server.faults import FaultKind, HttpKind, Misbehaviour, SocketKind
from comfy.demo.server.server import DemoServer

__all__ = ["DemoServer", "FaultKind", "HttpKind", "Misbehaviour", "SocketKind"]
