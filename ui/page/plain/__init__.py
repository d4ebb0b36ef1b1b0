"""Small pages of our own beside Gradio's. They load immediately because they don't depend on it."""
