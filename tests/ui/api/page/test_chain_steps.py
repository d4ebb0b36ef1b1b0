"""Results of a chain's step, and runs that can become steps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from comfy.launch.uploads import Upload
from comfy.runs.interface import Origin
from comfyui_standin import DemoServer
from tests.support.brought import own_prompt
from tests.support.http_client import ANN, BOB, finished, get, start
from tests.support.samples.forms import WORKFLOWS
from tests.support.serving import RunningApp, running_app
from tests.ui.api.page.test_chains import (
    IMAGES,
    MAKE,
    OWNER,
    SEED,
    demo,
    ended,
    folder,
    served,
)

__all__ = ["demo", "folder"]  # fixtures


def test_requested_runs_of_a_step_are_listed(demo: DemoServer, folder: Path) -> None:
    """The app lists only runs of this step that exist. An unknown step and another user's chain
    answer 404."""
    with served(demo, folder) as app:
        app.services.chains.start(
            "boats/boats.chain", {MAKE: "three boats", IMAGES: 3, SEED: 5}, Origin(OWNER)
        )
        chain = ended(app, "done")
        steps, (other, own, _) = f"/api/v1/chains/{chain.id}/steps", chain.steps
        address = f"{steps}/large/results"
        assert (own.live, len(own.ended)) == ((), 3)
        told = get(app, asked(address, *own.ended[1:], *other.ended, "none")).json()["runs"]
        assert {run["id"] for run in told} == {*own.ended[1:]}
        assert all(run["page"]["thumb"] for run in told)
        assert get(app, asked(address, *["a"] * 61)).status_code == 422
        assert get(app, f"{steps}/none/results").status_code == 404
        assert get(app, address, BOB).status_code == 404
        assert get(app, address, ANN).json() == {"runs": [], "next": None, "page": None}


def asked(address: str, *runs: str) -> str:
    return f"{address}?{urlencode([('run', run) for run in runs])}"


def test_a_chain_can_be_created_only_from_suitable_runs(demo: DemoServer, folder: Path) -> None:
    """The chain needs several steps with shared workflows, and only the runs' owner can create it.
    The app checks this before the user enters a title. It suggests sharing an opened workflow
    first."""
    data = json.dumps(own_prompt()).encode()
    photo = Upload("photo.webp", WORKFLOWS / "upscale.webp")
    small = {"8.steps": 2, "5.width": 256, "5.height": 256}
    with running_app(demo.url, workflows=folder / "boats", data=folder, may_keep=True) as app:
        mine = app.services.forms.open(OWNER, "Mine", data).name
        made, large = enlarged(app, "image-to-image", {"4.image": photo, **small})
        assert get(app, f"/api/v1/runs/{large}/chain").status_code == 204
        assert get(app, f"/api/v1/runs/{large}/chain", BOB).status_code == 404
        alone = get(app, f"/api/v1/runs/{made}/chain")
        assert alone.status_code == 409
        assert "created in one step" in alone.json()["detail"]
        _, large = enlarged(app, mine, {"5.steps": 2, "4.width": 256, "4.height": 256})
        refused = get(app, f"/api/v1/runs/{large}/chain")
        assert refused.status_code == 422
        assert "“Mine” isn't shared." in refused.json()["detail"]
        assert refused.json()["hint"] == "Add it to the shared workflows first."


def enlarged(app: RunningApp, workflow: str, values: Mapping[str, Any]) -> tuple[str, str]:
    made = finished(start(app, workflow, **values))
    path = app.services.starter.blobs.path(made.state.files[0].digest)
    assert path is not None
    large = finished(start(app, "upscale", **{"4.image": Upload("a.png", path), "7.steps": 2}))
    return made.id, large.id
