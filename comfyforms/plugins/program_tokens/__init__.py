"""Tokens of programs that only take an address."""

from __future__ import annotations

# occur nowhere outside this folder
NOUNS = (
    *("program_tokens", "/as/", "CarriedTokens", "ProgramPage", "account/programs"),
    "comfyforms connect",
)
