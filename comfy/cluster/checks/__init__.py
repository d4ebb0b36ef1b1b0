"""Checks of what a cluster needs, for `comfyforms cluster check`."""
