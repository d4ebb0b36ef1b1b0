"""Workflow templates that the ComfyUI servers offer, and whether they can run there."""
