"""ComfyUI's own WebSocket messages about a user's runs, for programs that read these."""
