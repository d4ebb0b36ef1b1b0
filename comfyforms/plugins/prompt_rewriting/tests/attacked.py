"""Settings that turn the route on, for the attacks."""

from __future__ import annotations

from comfyforms.plugins.prompt_rewriting.plugin import ADDRESS
from comfyforms.plugins.prompt_rewriting.settings import RewritingSettings
from tests.attacks.parts import AttackedPart

# No language model answers.
MODEL = {"rewrite_server": "http://127.0.0.1:9", "rewrite_model": "none"}
PART = AttackedPart(
    refused={f"POST {ADDRESS}": 422}, settings=RewritingSettings.model_validate(MODEL)
)
