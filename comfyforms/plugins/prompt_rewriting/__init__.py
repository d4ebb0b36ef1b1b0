"""Rewrite a prompt with a language model that the administrator names."""

from __future__ import annotations

NOUNS = ("prompt_rewriting", "RewritingSettings", "rewrite[-_]", "rewrit(e|ten) prompt")
