"""Commands for an app of several processes: `comfyforms cluster check` and `cluster import`."""
