"""Files that contain workflows, as users drop or paste them on the page."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from PIL import Image, PngImagePlugin
from playwright.sync_api import Locator, Page

from comfy.workflow.model import read_workflow
from tests.support.serving import WORKFLOWS

# Drop a file on the page or paste it, as a user does.
GIVE = """([how, data, name, count]) => {
    const type = name.endsWith(".png") ? "image/png" : "application/json";
    const transfer = new DataTransfer();
    for (let at = 0; at < count; at++) transfer.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name, { type }));
    const target = document.querySelector("#heading");
    if (how === "paste") target.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
    else for (const kind of ["dragover", "drop"])
        target.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


def own_prompt(text: str = "a brought text") -> dict[str, Any]:
    """Return one of the shipped workflows in API format, with this text."""
    made: dict[str, Any] = json.loads(
        json.dumps(read_workflow(WORKFLOWS / "text-to-image.json").prompt)
    )
    made["2"]["inputs"]["text"] = text
    made["1"]["inputs"]["ckpt_name"] = "demo-landscapes.safetensors"
    return made


def own_graph() -> dict[str, Any]:
    """Return a small graph as the editor saves it: a text linked to a preview node, and an App
    around both."""
    return {
        "nodes": [
            {"id": 1, "type": "PrimitiveString", "title": "Words", "mode": 0, "inputs": [], "widgets_values": ["hello"],
             "outputs": [{"name": "STRING", "type": "STRING", "links": [1]}]},
            {"id": 2, "type": "PreviewAny", "mode": 0, "inputs": [{"name": "source", "type": "*", "link": 1}],
             "outputs": [], "widgets_values": []},
        ],
        "links": [[1, 1, 0, 2, 0, "*"]],
        "extra": {"linearMode": True, "linearData": {"inputs": [["1", "value"]], "outputs": ["2"]}},
        "version": 0.4,
    }  # fmt: skip


def image_with(**documents: object) -> bytes:
    """Return a PNG with embedded documents, as ComfyUI saves it."""
    info = PngImagePlugin.PngInfo()
    for key, document in documents.items():
        info.add_text(key, json.dumps(document))
    data = io.BytesIO()
    Image.new("RGB", (8, 8)).save(data, "PNG", pnginfo=info)
    return data.getvalue()


def give(page: Page, data: bytes, name: str, how: str = "drop", count: int = 1) -> None:
    """Drop or paste `count` copies of a file next to the fields."""
    page.evaluate(GIVE, [how, base64.b64encode(data).decode(), name, count])


def of_badge(page: Page, choice: str) -> Locator:
    """Open the menu of the badge beside the title, and return one of its entries."""
    page.locator("#heading [aria-haspopup=menu]").click()
    return page.get_by_role("menuitem", name=choice)
