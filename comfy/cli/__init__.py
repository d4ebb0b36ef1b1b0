"""The same things from a shell: `python -m comfy`."""
