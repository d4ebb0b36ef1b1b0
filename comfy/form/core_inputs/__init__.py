"""Help and slider ranges of our own for the most common inputs of ComfyUI's nodes."""
