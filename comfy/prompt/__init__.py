"""The prompt, the graph that is posted to ComfyUI, and all changes to it before. Pure functions."""
