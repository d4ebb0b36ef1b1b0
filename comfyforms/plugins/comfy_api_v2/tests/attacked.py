"""Requests of Comfy API v2, and an asset, for the attacks."""

from __future__ import annotations

import secrets
from typing import Any

import requests
from hypothesis import strategies as st

from comfyforms.plugin_manager import installed_plugins
from comfyforms.plugins.comfy_api_v2.tests.calls import image
from tests.attacks.parts import AttackedPart
from tests.attacks.texts import HOSTILE, PROMPT
from tests.support.samples.hostile import JSON
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT

JOBS, ASSETS = "/api/v2/jobs", "/api/v2/assets"
FILE = "/api/v2/files/{sealed}"  # for anyone with the address of a file


def an_asset(app: RunningApp, cookie: str, run: str) -> dict[str, str]:
    """Return the ids of the user's run and of a new asset, and the hash of the asset."""
    sent = {
        "file": (
            "a.png",
            image(),
            "image/png",
        )
    }
    answer = requests.post(
        f"{app.url}{ASSETS}",
        {"file_path": f"{secrets.token_hex(4)}.png", "content_type": "image/png"},
        files=sent,
        headers={"Cookie": cookie},
        timeout=LONGEST_WAIT,
    )
    made = answer.json()
    return {"job_id": run, "asset_id": str(made["id"]), "hash_": str(made["hash"])}


def bodies(ids: st.SearchStrategy[Any], _: object) -> st.SearchStrategy[Any]:
    info = st.fixed_dictionaries({}, optional={"id": ids | HOSTILE | JSON, "hash": JSON})
    asset = st.builds(lambda info: {"__type": "core/ASSET", "info": info}, info | JSON)
    node = st.builds(
        lambda value: {"class_type": "LoadImage", "inputs": {"image": value}}, asset | JSON
    )
    job = st.fixed_dictionaries(
        {"workflow": st.builds(lambda node: {**PROMPT, "1": node}, node | JSON) | JSON},
        optional=dict.fromkeys(("extra_data", "inputs", "metadata", "webhook_url"), JSON),
    )
    hashes = st.from_regex(r"blake3:[0-9a-f]{64}", fullmatch=True) | HOSTILE | JSON
    known = st.fixed_dictionaries({"hash": hashes}, optional={"file_path": HOSTILE | JSON})
    return job | known


_ROUTES = AttackedPart(
    an_asset,
    opened=frozenset({FILE}),
    refused={
        **dict.fromkeys((f"POST {path}" for path in (JOBS, ASSETS, f"{ASSETS}/from-hash")), 422),
        f"GET {JOBS}/{{job_id}}/workflow": 404,  # it has values of the workflow's author
        f"GET {FILE}": 404,  # a guess
    },
    answering=("/api/v2",),
    bodies=bodies,
)
# They exist if another plugin accepts prompts.
PART = _ROUTES if installed_plugins().hook.sent_prompts.get_hookimpls() else AttackedPart()
