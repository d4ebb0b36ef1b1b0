"""The Gradio page and the HTTP faces: draws what `comfy` says."""

from ui.gradio_import import import_without_stubs

import_without_stubs()
