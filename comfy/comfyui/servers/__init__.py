"""The ComfyUI servers that runs are handed to: what each can do, and which of them answer."""
