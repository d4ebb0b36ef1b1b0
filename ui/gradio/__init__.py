"""Access to Gradio's own routes, and limits of calls to them."""
