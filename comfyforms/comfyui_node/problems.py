"""Reasons why a form isn't opened. Imports nothing from ComfyUI or the app."""

from __future__ import annotations


class NotOpened(Exception):
    """Failure to open a form; the message gives the reason."""

    status = 503


class WouldReplace(NotOpened):
    """Conflict: another workflow has this name, and the user has to decide whether to replace
    it."""

    status = 409


class Installing(NotOpened):
    """The app is being installed; the message is the last line of the installation's log."""

    status = 202
