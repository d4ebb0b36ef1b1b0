"""The only place that talks to ComfyUI over the network: requests and the event stream of one
ComfyUI server."""
