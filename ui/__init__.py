"""The Gradio page and the HTTP faces: draws what `comfy` says."""

from __future__ import annotations

from ui.gradio.import_hook import import_without_stubs

import_without_stubs()
