"""Everything that talks to ComfyUI: protocol, runs, forms and a stand-in server. Doesn't import
gradio or fastapi."""
