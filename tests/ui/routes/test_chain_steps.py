"""What a page is told of all that a step of a chain has made."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from comfy.demo import DemoServer
from tests.support.http_client import ANN, BOB, get
from tests.ui.routes.test_chains import (
    IMAGES,
    MAKE,
    OWNER,
    SEED,
    demo,
    ended,
    folder,
    served,
)
from ui.routes.groups.chain_view import chain_view

__all__ = ["demo", "folder"]  # fixtures


def test_runs_of_a_step_are_told_that_were_asked_for(demo: DemoServer, folder: Path) -> None:
    """Only of this step and those that are there. A step that there is not is 404, and so is
    somebody else's."""
    with served(demo, folder) as app:
        app.services.chains.start(
            "boats/boats.chain", {MAKE: "three boats", IMAGES: 3, SEED: 5}, OWNER
        )
        chain = ended(app, "done")
        address, (other, own, _) = f"/chains/{chain.id}/steps/large", chain.steps
        view = chain_view(chain).steps[1]
        assert (view.ids, view.ended) == (own.ended, 3)
        told = get(app, asked(address, *own.ended[1:], *other.ended, "none")).json()["runs"]
        assert {run["id"] for run in told} == {*own.ended[1:]}
        assert all(run["thumb"] for run in told)
        assert get(app, asked(address, *["a"] * 61)).status_code == 422
        assert get(app, f"/chains/{chain.id}/steps/none").status_code == 404
        assert get(app, address, BOB).status_code == 404
        assert get(app, address, ANN).json() == {"runs": []}


def asked(address: str, *runs: str) -> str:
    return f"{address}?{urlencode([('run', run) for run in runs])}"
