"""ComfyUI as a process of this app: start, watch, restart, log."""
