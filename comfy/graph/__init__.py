"""From the graph that ComfyUI's editor saves to a prompt, as the editor itself converts it.
Pure."""
