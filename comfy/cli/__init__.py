"""Shell commands: `python -m comfy`."""
