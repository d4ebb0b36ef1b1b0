"""Request of the account page, for the attacks."""

from __future__ import annotations

from tests.attacks.parts import AttackedPart

PART = AttackedPart(refused={"POST /account/programs": 422})
