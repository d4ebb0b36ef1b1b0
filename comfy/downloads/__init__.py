"""Downloads of missing models to the ComfyUI servers: by the custom node there, or by the app for a
ComfyUI that it starts itself."""
