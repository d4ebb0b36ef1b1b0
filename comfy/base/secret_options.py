"""What is said of options with secrets in them: everybody at a machine can read its command lines,
in the list of processes."""

from __future__ import annotations

from collections.abc import Iterable


def secrets_can_be_read(options: Iterable[str], instead: str) -> str:
    """The warning where these options were given with a secret in each; `instead`: what to use."""
    return (
        "Everybody at this machine can read the secrets on the command line, in"
        f" {', '.join(options)}. Use {instead} instead."
    )
