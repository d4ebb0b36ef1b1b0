"""A paid partner node. It has no partner: it answers at once, and shows which API key it got."""

from __future__ import annotations

import hashlib

from comfyui_standin.nodes.base import (
    Inputs,
    NodeFailure,
    NodeResult,
    NodeRun,
    node,
)

EMPTY_KEY = "comfyui-demo-without-credits"  # a key whose account has no credits
# Prompts that a careless partner would fulfil: the error, or the texts, repeat the key.
TELLING_ERROR, TELLING_TEXTS = "an error with the key", "a text with the key"


def _ask(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Answer with the text and the digest of the API key, so that tests see that it arrived."""
    if not run.api_key:
        raise NodeFailure("Unauthorized: Please login first to use this node.")
    if run.api_key == EMPTY_KEY:
        raise NodeFailure("Payment Required: Please add credits to your account to use this node.")
    run.wait(run.speed.load)
    digest = hashlib.sha256(run.api_key.encode()).hexdigest()
    if inputs["prompt"] == TELLING_ERROR:
        raise NodeFailure(f"401 Unauthorized: invalid key {run.api_key}")
    text = f"{inputs['prompt']} (key {digest})"
    if inputs["prompt"] == TELLING_TEXTS:
        text = f"{text} {run.api_key}"
        run.tell(text)
    return NodeResult((text,), {"text": [text]})


NODES = [node("PartnerText", _ask)]
