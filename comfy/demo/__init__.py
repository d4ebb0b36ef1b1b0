"""A stand-in ComfyUI: real HTTP and WebSocket, procedural pictures. The embedded default and the tests' server."""

from .misbehaviour import HttpKind, Kind, Misbehaviour, SocketKind
from .server import DemoServer

__all__ = ["DemoServer", "HttpKind", "Kind", "Misbehaviour", "SocketKind"]
