"""The only exit to ComfyUI: requests and the event stream of one ComfyUI server."""
