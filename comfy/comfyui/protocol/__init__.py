"""ComfyUI's messages as values: events, answers, outputs, and the run state derived from them.
Pure."""
