"""A choice with all options visible, for authors who request it."""

from __future__ import annotations

from dataclasses import replace

from comfy.form.candidates import Candidate
from comfy.form.kinds import dropdown
from comfy.form.model import Fit

(_DROPDOWN,) = dropdown.KINDS


def _fit(_: Candidate) -> Fit:
    return Fit.NO  # the server's lists may have thousands of choices


KINDS = (replace(_DROPDOWN, name="radio", fits=_fit),)
