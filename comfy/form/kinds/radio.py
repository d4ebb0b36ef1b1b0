"""A choice with all options visible, for authors who request it."""

from __future__ import annotations

from dataclasses import replace

from comfy.form.kinds import dropdown
from comfy.form.kinds.literal_input import Fit, LiteralInput


def _fit(_: LiteralInput) -> Fit:
    return Fit.NO  # the server's lists may have thousands of choices


(_DROPDOWN,) = dropdown.KINDS
KINDS = (replace(_DROPDOWN, name="radio", fits=_fit),)
