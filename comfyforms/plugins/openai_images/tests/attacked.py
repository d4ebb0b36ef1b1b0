"""Requests of the routes, for the attacks."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.attacks.faces import got, naming
from tests.attacks.parts import AttackedPart
from tests.attacks.texts import HOSTILE
from tests.support.samples.hostile import JSON

GENERATIONS = "/v1/images/generations"


def bodies(_: object, __: object) -> st.SearchStrategy[Any]:
    names = st.sampled_from(("text_to_image", "image_to_image")) | JSON
    return st.fixed_dictionaries(
        {"prompt": HOSTILE | JSON},
        optional={"model": names, "size": st.just("64x64") | JSON, "image": JSON}
        | dict.fromkeys(("n", "seed", "stream", "partial_images", "output_format"), JSON),
    )


PART = AttackedPart(
    refused={
        "GET /v1/models/{model:path}": 404,  # no workflow has this name
        **dict.fromkeys((f"POST {GENERATIONS}", "POST /v1/images/edits"), 400),  # no right body
        # The answer to all other calls of OpenAI's API.
        **{f"{method} /v1/{{path:path}}": 404 for method in ("GET", "POST", "DELETE")},
    },
    answering=("/v1",),
    bodies=bodies,
    lists={"models": got("/v1/models")},
    names={
        "a model": naming("GET", "/v1/models/IDENTIFIER"),
        "an image": naming(
            "POST", GENERATIONS, {"model": "IDENTIFIER", "prompt": "a cat", "size": "x"}
        ),
    },
)
