"""What a ComfyUI server says, as values: events, answers, outputs, and the state of a run folded
from them. Pure."""
