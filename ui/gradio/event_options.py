"""Options that bind the page's listeners to Gradio's events."""

from __future__ import annotations

from typing import Any

# Gradio drops an event that arrives while another of its kind is pending, unless it is configured
# to handle it afterward. The later call still gets the first event's own data, so current data has
# to come as an input.
QUIET: dict[str, Any] = {
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
    "trigger_mode": "always_last",
}
