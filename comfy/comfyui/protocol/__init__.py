"""ComfyUI's messages as values: events, answers, outputs, and the state of a run derived from them.
Pure."""
