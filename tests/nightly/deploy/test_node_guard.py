"""The custom node accepts requests only from ComfyUI's own page, up to the size of a graph."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from comfyforms.comfyui_node import beside, guard
from comfyforms.comfyui_node.problems import NotOpened, WouldReplace
from tests.support.environments import ROOT
from tests.support.waiting import LONGEST_WAIT

NODE = ROOT / "comfyforms" / "comfyui_node"
ORDER: dict[str, Any] = {"name": "a", "saved": True, "workflow": {"nodes": []}}


def sender(place: str = "192.0.2.2:8188", **changes: list[str]) -> dict[str, list[str]]:
    """Return the headers of a request from ComfyUI's own page at this host, with changes."""
    usual = {"content_type": ["application/json"], "origin": [f"http://{place}"], "host": [place]}
    headers = usual | {"sec_fetch_site": [], "content_encoding": []} | changes
    return {name.replace("_", "-"): values for name, values in headers.items()}


@pytest.mark.parametrize(
    "headers",
    [
        sender(),
        sender("127.0.0.1:8188", sec_fetch_site=["same-origin"]),
        sender("localhost:8188"),
        sender("[2001:db8::2]:8188"),
        sender("gpu-box:8188"),
        sender("gpu-box.:8188"),
        sender(f"{socket.gethostname()}.local:8188"),
        sender("comfy.example", origin=["https://COMFY.example"]),
        sender("forms.example:8443"),
        sender("other.example:8188"),
        sender(content_type=["Application/JSON; charset=utf-8"]),
    ],
)
def test_requests_from_comfyuis_own_page_are_accepted(headers: dict[str, list[str]]) -> None:
    """The node accepts the page by any IP address, by this machine's names, and by configured
    names."""
    names = guard.own_names("https://forms.example/app", "comfy.example", "other.example:8188", "")
    guard.check_sender(headers, names)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (sender(content_type=["text/plain"]), 415),
        (sender(content_type=["text/plain; application/json"]), 415),
        (sender(content_type=["application/jsonp"]), 415),
        (sender(content_type=["application/json", "text/plain"]), 415),
        (sender(content_type=[]), 415),
        (sender(content_encoding=["gzip"]), 415),
        (sender(origin=[]), 403),
        (sender(origin=["null"]), 403),
        (sender(origin=["file://"]), 403),
        (sender(origin=["http://evil.example"]), 403),
        (sender(origin=["http://192.0.2.2:8189"]), 403),
        (sender(origin=["http://192.0.2.2"]), 403),
        (sender(origin=["http://192.0.2.2:8188/"]), 403),
        (sender(origin=["http://192.0.2.2:8188@evil.example"]), 403),
        (sender(origin=["http://192.0.2.2:8188.evil.example"]), 403),
        (sender(origin=["chrome-extension://192.0.2.2:8188"]), 403),
        (sender(origin=["http://192.0.2.2:8188", "http://evil.example"]), 403),
        (sender(host=[]), 403),
        (sender(host=["192.0.2.2:8188", "192.0.2.2:8188"]), 403),
        (sender(sec_fetch_site=["cross-site"]), 403),
        (sender(sec_fetch_site=["same-site"]), 403),
        (sender("evil.example:8188"), 403),
        (sender("192.0.2.2.evil.example:8188"), 403),
        (sender("localhost.evil.example:8188"), 403),
        (sender("x@evil.example:8188"), 403),
        (sender("0x7f.1:8188"), 403),
        (sender("[::1"), 403),
        (sender(""), 403),
    ],
)
def test_finding_s10_a_foreign_page_is_refused(headers: dict[str, list[str]], status: int) -> None:
    """The node refuses a page of another site, and a page whose host name was pointed at this
    machine."""
    with pytest.raises(guard.OrderRefused) as refusal:
        guard.check_sender(headers, guard.own_names("https://forms.example"))
    assert refusal.value.status == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"\xff",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"NaN",
        b"{}",
        b"[" * 100_000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        json.dumps(ORDER | {"workflow": {"a": json.loads("[" * 200 + "]" * 200)}}).encode(),
        json.dumps(ORDER | {"workflow": {"a": float("inf")}}).encode(),
        json.dumps(ORDER).replace("[]", "1" * 5000).encode(),
        *(json.dumps({k: v for k, v in ORDER.items() if k != key}).encode() for key in ORDER),
        *(
            json.dumps(ORDER | {key: odd}).encode()
            for key in (*ORDER, "replace")
            for odd in (None, 1, ["a"], {"a": 1}, "", True)
            if (key, odd) not in (("saved", True), ("replace", True), ("workflow", {"a": 1}))
        ),
        json.dumps(ORDER | {"name": "a" * 1000}).encode(),
    ],
)
def test_finding_s10_an_odd_body_is_refused_in_words(body: bytes) -> None:
    """The guard refuses lists, nulls, texts, bodies with missing keys and bodies that are nested
    too deeply."""
    with pytest.raises(guard.OrderRefused, match="Send ") as refusal:
        guard.read_order(body)
    assert refusal.value.status == 400


def test_a_broken_surrogate_pair_in_a_name_is_accepted() -> None:
    """The node accepts half of a surrogate pair in a name, because JSON allows it."""
    order = guard.read_order(json.dumps(ORDER | {"name": "\ud83d", "replace": True}).encode())
    assert (order.saved, order.replace, order.workflow) == (True, True, {"nodes": []})


@pytest.fixture
def forms(tmp_path: Path) -> Any:
    return beside.FormsApp(tmp_path, "https://forms.example")


def test_finding_s10_another_workflow_is_not_replaced(forms: Any, tmp_path: Path) -> None:
    """The node doesn't replace another workflow until the user agrees. A different view position
    doesn't count as a difference."""
    file = tmp_path / "workflows" / "ComfyUI" / "text-to-image.json"
    file.parent.mkdir(parents=True)
    kept = {"nodes": [1], "extra": {"ds": 1, "linearData": 2}}
    file.write_text(json.dumps(kept), encoding="utf-8")
    for other in ({}, {"nodes": []}, kept | {"extra": {"ds": 1}}):
        for name in ("text-to-image", "text-to-image.json", "text/to.image"):
            with pytest.raises(WouldReplace, match="text-to-image"):
                forms.open("http://127.0.0.1:1", name, other)
    for damaged in ("[]", "{", "[" * 100_000):
        file.write_text(damaged, encoding="utf-8")
        with pytest.raises(WouldReplace):
            forms.open("http://127.0.0.1:1", "text-to-image", kept)
    file.write_text(json.dumps(kept | {"extra": {"ds": 5, "linearData": 2}}), encoding="utf-8")
    beside._check_place(file, kept, replace=False)
    beside._check_place(file, {}, replace=True)


def test_finding_s10_the_folder_has_a_limit(forms: Any, tmp_path: Path) -> None:
    """The number of workflows is limited. Existing workflows can still be opened."""
    folder = tmp_path / "workflows" / "ComfyUI"
    folder.mkdir(parents=True)
    for number in range(200):
        (folder / f"{number}.json").write_text("{}")
    with pytest.raises(NotOpened, match="200 workflows"):
        forms.open("http://127.0.0.1:1", "one more", {}, replace=True)
    assert len(list(folder.iterdir())) == 200
    beside._check_place(folder / "7.json", {}, replace=False)


APP = """
export const app = {
  graph: { serialize: () => ({ nodes: [] }) },
  extensionManager: {
    workflow: { activeWorkflow: { key: "mine.json", isPersisted: true } },
    dialog: { confirm: async (question) => { window.asked = question.message; return window.yes; } },
    toast: { add: (message) => { window.said = message.detail; } },
  },
  registerExtension: (extension) => { window.open_as_form = extension.commands[0].function; },
};
"""


@pytest.fixture
def editor(chromium: Browser) -> Iterator[tuple[Page, list[Any]]]:
    """Open a page with the node's script. Return it with the requests to a node that already has
    another workflow of that name."""
    sent: list[Any] = []
    files = {
        "/": '<script type="module" src="/extensions/node/open_as_form.js"></script>',
        "/extensions/node/open_as_form.js": (NODE / "web/open_as_form.js").read_text("utf-8"),
        "/scripts/api.js": "export const api = { fetchApi: (path, how) => fetch(path, how) };",
        "/scripts/app.js": APP,
        "/form": "the form",
    }

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix("http://127.0.0.1:1")
        if route.request.method != "POST":
            kind = "text/javascript" if path.endswith(".js") else "text/html"
            route.fulfill(body=files[path], content_type=kind)
            return
        sent.append((route.request.headers["content-type"], route.request.post_data_json))
        if sent[-1][1].get("replace"):
            route.fulfill(json={"url": "http://127.0.0.1:1/form"})
        else:
            route.fulfill(status=409, json={"error": "another"})

    with chromium.new_context() as context:
        context.set_default_timeout(1000 * LONGEST_WAIT)
        context.route("**/*", answer)
        page = context.new_page()
        page.goto("http://127.0.0.1:1/")
        page.wait_for_function("() => Boolean(window.open_as_form)")
        yield page, sent


def test_the_script_asks_before_replacing_a_workflow(editor: tuple[Page, list[Any]]) -> None:
    """If the user says no, the existing workflow stays and the script shows no further message. If
    the user says yes, the form opens."""
    page, sent = editor
    page.evaluate("async () => { window.yes = false; await window.open_as_form(); }")
    assert "mine.json" in page.evaluate("window.asked")
    assert [body.get("replace") for _, body in sent] == [None]
    assert len(page.context.pages) == 1
    page.evaluate("async () => { window.yes = true; await window.open_as_form(); }")
    assert [body.get("replace") for _, body in sent] == [None, None, True]
    assert {kind for kind, _ in sent} == {"application/json"}
    shown = page.context.pages[-1]
    shown.wait_for_url("**/form")
    assert page.evaluate("window.said") is None
