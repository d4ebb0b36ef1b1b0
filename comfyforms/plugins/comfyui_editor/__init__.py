"""ComfyUI's own editor behind the app's sign-in, at a host name of its own."""

from __future__ import annotations

# occur nowhere outside this folder
NOUNS = (
    *(r"plugins[./]comfyui_editor", "comfyui-editor", r"editor\.localhost"),
    *("EditorHost", "EditorPass"),
)
