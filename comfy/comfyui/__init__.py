"""ComfyUI's interface: its protocol, a client, several servers, its node definitions."""
