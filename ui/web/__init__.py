"""Middleware: who is asking, from where, how much, and what of Gradio can be reached."""
