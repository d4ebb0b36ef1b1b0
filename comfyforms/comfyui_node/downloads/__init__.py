"""Downloads of models into ComfyUI's model folders, in ComfyUI's process or in the app's. Imports
nothing from ComfyUI or the app."""
