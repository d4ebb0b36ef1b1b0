"""Settings that all processes of a cluster must have alike."""

from __future__ import annotations

from comfy.cluster.processes import SetupReader
from ui.settings.options import Settings


def setup_of(settings: Settings) -> SetupReader:
    """Return the reader of a process's workflow files and servers."""
    servers = [address.url for address in settings.server_addresses]
    return SetupReader(settings.workflows.absolute(), servers)
