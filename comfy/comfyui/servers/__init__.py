"""Pool of ComfyUI servers: which ones answer, and which can run a prompt."""
