"""The only exit to the network: requests and the event stream of one ComfyUI server."""
