"""Endpoints for Gradio's clients: `/run`, `/batch` and `/chain`, and one per workflow."""

from __future__ import annotations

NOUNS = ("gradio_endpoints", "gradio('s)? endpoint")  # occur nowhere outside this folder
