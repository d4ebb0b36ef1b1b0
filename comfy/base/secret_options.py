"""Warnings about secrets in options: every account on a machine can read command lines in the
process list."""

from __future__ import annotations

from collections.abc import Iterable


def secrets_can_be_read(options: Iterable[str], instead: str) -> str:
    """The warning where these options were given with a secret in each; `instead`: what to use."""
    return (
        "Everybody at this machine can read the secrets on the command line, in"
        f" {', '.join(options)}. Use {instead} instead."
    )
