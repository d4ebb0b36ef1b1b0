"""The prices of a workflow's paid nodes."""

from __future__ import annotations

from comfy.launch.payment import PaidWork
from comfy.paid import PaidNode


def test_equal_nodes_are_counted() -> None:
    """Users learn how often they pay."""
    nodes = [PaidNode(str(at), name, {}, {}) for at, name in enumerate(("Film", "Film", "Voice"))]
    work = PaidWork("clips", nodes, titles={"0": "Clip", "1": "Clip"})
    assert work.prices == ["2 × Clip", "Voice"]
