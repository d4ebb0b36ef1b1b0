"""Options that bind the page's listeners to Gradio's events."""

from __future__ import annotations

from typing import Any

# Gradio drops an event that comes while one of its kind is pending, unless told to serve it
# afterwards. What a page wants is then asked for again, but the event's own data would be the first
# one's: it has to come as an input.
QUIET: dict[str, Any] = {
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
    "trigger_mode": "always_last",
}
