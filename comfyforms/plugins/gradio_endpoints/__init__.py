"""Endpoints for Gradio's clients: `/run`, `/batch` and `/chain`, and one per workflow."""
