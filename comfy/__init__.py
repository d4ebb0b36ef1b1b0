"""Everything that talks to ComfyUI: protocol, runs, forms and a stand-in server. Imports neither
gradio nor fastapi."""
