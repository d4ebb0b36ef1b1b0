"""Errors of downloads, with sentences for administrators."""

from __future__ import annotations


class DownloadProblem(Exception):
    """Reason why a download failed, as a sentence for administrators."""


class DownloadRefused(DownloadProblem):
    """Error for a download that the rules forbid."""


class HostUnreachable(DownloadProblem):
    """Temporary failure of the connection or the host. A later attempt continues from there.
    `pause`: seconds that the host asks to wait, or 0."""

    def __init__(self, sentence: str, pause: float = 0.0) -> None:
        super().__init__(sentence)
        self.pause = pause


class WrongContent(DownloadProblem):
    """Error for a file that isn't the expected one. Its partial file is useless."""
