"""Model files of the ComfyUI servers: which of them a list of choices means, their preview images
and their metadata."""
