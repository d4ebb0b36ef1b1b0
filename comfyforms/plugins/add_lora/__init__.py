"""Add LoRAs to workflows whose authors wired none: a list of rows in the form, and the nodes that
they become in the prompt."""

from __future__ import annotations

NOUNS = ("add_lora", "AddedLoras")
