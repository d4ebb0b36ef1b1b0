"""Address of the editor: a host name that the app doesn't have."""

from __future__ import annotations

from urllib.parse import urlsplit

from comfy.base.errors import ComfyError
from comfy.comfyui.client.address import is_loopback
from ui.settings.web_settings import WebSettings
from ui.web.addresses import host_name

_NEXT_DOOR = "http://editor.localhost"  # browsers look for this name on their own machine


def editor_address(editor: str, web: WebSettings) -> str:
    """Return the editor's origin, without a port if it is the app's, or "" without an editor.
    `editor`: the setting. Raises ComfyError for a host name of the app."""
    if not editor:
        is_here = is_loopback(web.host) and not (any(web.hosts) or web.root_path or web.on_a_space)
        return _NEXT_DOOR if is_here else ""
    name = host_name(urlsplit(editor).netloc)
    if name in map(host_name, (web.host, *web.hosts)):
        raise ComfyError(
            f"The editor can't have the app's host name {name}.",
            "Scripts of node packs run there. Choose another name for --editor.",
        )
    if editor in web.embed:
        raise ComfyError(
            f"The editor at {editor} can't show the app in a frame.", "Remove it from --embed."
        )
    return editor
