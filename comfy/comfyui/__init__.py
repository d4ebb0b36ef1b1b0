"""ComfyUI's interface: its protocol, a client, support for several servers, and its node
definitions."""
