"""ComfyUI's own API, for programs that are written for a ComfyUI server."""
