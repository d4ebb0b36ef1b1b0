"""The Gradio page and the HTTP faces: draws what `comfy` says."""
