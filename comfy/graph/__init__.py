"""Conversion of saved editor graphs to prompts, like the conversion in ComfyUI's editor. Pure."""
