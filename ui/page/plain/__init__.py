"""Small pages of our own beside Gradio's: they need nothing of it, and are there at once."""
