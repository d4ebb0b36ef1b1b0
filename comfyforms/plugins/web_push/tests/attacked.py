"""The route's answer to an empty body, for the attacks."""

from __future__ import annotations

from tests.attacks.parts import AttackedPart

PART = AttackedPart(refused={"POST /push-subscription": 422})
