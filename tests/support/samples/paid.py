"""A workflow with the stand-in's paid node, and API keys."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

NAME = "partner"
APP_KEY = "comfyui-appkey-0123456789"
OWN_KEY = "comfyui-ownkey-abcdefghij"
PROMPT = {
    "1": {
        "class_type": "PartnerText",
        "inputs": {"prompt": "a lighthouse", "length": 3},
        "_meta": {"title": "Partner Text"},
    }
}


def paid_folder(folder: Path) -> Path:
    """Write the workflow into a folder, and return the folder."""
    folder.mkdir(exist_ok=True)
    (folder / f"{NAME}.json").write_text(json.dumps(PROMPT), encoding="utf-8")
    return folder


def shown_digest(key: str) -> str:
    """Return the digest that the node shows of its key."""
    return hashlib.sha256(key.encode()).hexdigest()
