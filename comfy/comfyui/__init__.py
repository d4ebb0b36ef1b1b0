"""What ComfyUI speaks: its protocol, a client, several servers, its node definitions."""
