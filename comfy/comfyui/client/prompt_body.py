"""Body of `POST /prompt`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from comfy.base.errors import PromptRejected


def prompt_body(
    prompt: Mapping[str, Any], client_id: str, prompt_id: str, extra_data: Mapping[str, Any]
) -> bytes:
    """Return the JSON that sends a prompt. Raises PromptRejected if it isn't JSON."""
    body = {
        "prompt": prompt,
        "client_id": client_id,
        "prompt_id": prompt_id,
        "extra_data": {"client_id": client_id, **extra_data},
    }
    # requests would send NaN and infinity, which aren't JSON.
    try:
        return json.dumps(body, allow_nan=False).encode()
    except ValueError as error:
        raise PromptRejected(
            "The workflow contains a number that can't be sent.",
            "Look for an infinite or missing number.",
        ) from error
