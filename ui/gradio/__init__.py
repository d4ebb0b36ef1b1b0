"""Access to Gradio's own routes, and limits on calls to them."""
