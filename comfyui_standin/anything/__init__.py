"""Nodes that the stand-in doesn't have itself: facts of ComfyUI's classes, and work by type."""
