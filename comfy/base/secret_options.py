"""Warnings about secrets in options: every account on a machine can read command lines in the
process list."""

from __future__ import annotations

from collections.abc import Iterable


def secrets_can_be_read(options: Iterable[str], instead: str) -> str:
    """Return the warning about these options, which hold secrets. `instead` names the
    alternative."""
    return (
        "Any account on this machine can read the secrets on the command line, in"
        f" {', '.join(options)}. Use {instead} instead."
    )
