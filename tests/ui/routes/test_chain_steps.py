"""What a page is told of all that a step of a chain has made."""

from __future__ import annotations

from pathlib import Path

import pytest

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
from ui.routes.groups import chain_routes

__all__ = ["demo", "folder"]  # fixtures


def test_all_runs_of_a_step_are_told_page_by_page(
    demo: DemoServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order in which they have ended. A step that there is not is 404, and so is somebody
    else's."""
    monkeypatch.setattr(chain_routes, "_PAGE", 2)
    with served(demo, folder) as app:
        app.services.chains.start(
            "boats/boats.chain", {MAKE: "three boats", IMAGES: 3, SEED: 5}, OWNER
        )
        chain = ended(app, "done")
        address = f"/chains/{chain.id}/steps/large"
        first = get(app, address).json()
        assert [run["id"] for run in first["runs"]] == list(chain.steps[1].ended[:2])
        assert all(run["thumb"] for run in first["runs"])
        last = get(app, f"{address}?skip={first['next']}").json()
        assert [run["id"] for run in last["runs"]] == list(chain.steps[1].ended[2:])
        assert [first["more"], last["more"], last["next"]] == [True, False, 3]
        assert get(app, f"/chains/{chain.id}/steps/none").status_code == 404
        assert get(app, address, BOB).status_code == 404
        assert get(app, address, ANN).status_code == 200
