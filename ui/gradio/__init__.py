"""What of Gradio's own routes can be reached, by whom, and what a call to them may carry."""
