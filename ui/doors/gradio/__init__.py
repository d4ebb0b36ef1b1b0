"""Endpoints for programs that use Gradio's clients."""
