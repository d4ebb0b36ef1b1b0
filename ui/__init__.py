"""The Gradio page and the HTTP interfaces to `comfy`."""

from __future__ import annotations

from ui.gradio.import_hook import import_without_stubs

import_without_stubs()
