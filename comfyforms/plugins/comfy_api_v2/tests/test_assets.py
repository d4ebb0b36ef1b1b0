"""Assets of Comfy API v2: each user's own files, by their id and by their hash."""

from __future__ import annotations

import uuid

import pytest
import requests

from comfyforms.plugins.comfy_api_v2.tests.calls import (
    call,
    ended,
    hash_of,
    image,
    inverted,
    reference,
    refused,
    submit,
    told,
    upload,
)
from tests.support.http_client import ANN, BOB, cookie_of
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT


@pytest.fixture
def red() -> bytes:
    """Return an image that no other test has sent."""
    return image()


@pytest.fixture
def blue() -> bytes:
    return image()


def by_hash(app: RunningApp, content: bytes, cookie: str = ANN) -> int:
    return call(app, "HEAD", f"/assets/by-hash/{hash_of(content)}", cookie).status_code


def from_hash(app: RunningApp, content: bytes, cookie: str = ANN, **more: str) -> requests.Response:
    return call(app, "POST", "/assets/from-hash", cookie, json={"hash": hash_of(content), **more})


def test_an_uploaded_asset_is_read_used_and_deleted(app: RunningApp, red: bytes) -> None:
    asset = told(upload(app, red, "red.png", expected_hash=hash_of(red)), 201)
    assert (asset["hash"], asset["size_bytes"], asset["file_path"], asset["created_new"]) == (
        *(hash_of(red), len(red), "red.png"),
        True,
    )
    path = f"/assets/{asset['id']}"
    again = told(call(app, "GET", path))
    new = {"url": again["url"], "url_expires_at": again["url_expires_at"]}
    assert again | {"created_new": True} == asset | new
    assert call(app, "GET", asset["url"]).content == red
    part = call(app, "GET", asset["url"], headers={"range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"PNG")
    beyond = call(app, "GET", asset["url"], headers={"range": "bytes=9999-"})
    assert beyond.status_code == 416
    for value in (reference(asset["id"]), "red.png"):
        job = ended(app, told(submit(app, inverted(value)), 201)["id"])
        assert job["status"] == "succeeded"
    assert call(app, "DELETE", path).status_code == 204
    for method, rest in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        refused(call(app, method, path + rest), 404, "not_found")
    assert by_hash(app, red) == 404


def test_a_url_opens_one_file_for_anyone(app: RunningApp, red: bytes) -> None:
    """It is valid while the file is there, without the caller's cookie or token."""
    asset = told(upload(app, red), 201)
    assert call(app, "GET", asset["url"], cookie="").content == red
    refused(call(app, "GET", f"{asset['url'][:-9]}AAAAAAAA=", cookie=""), 404, "not_found")
    call(app, "DELETE", f"/assets/{asset['id']}")
    refused(call(app, "GET", asset["url"]), 404, "not_found")


def test_known_bytes_are_not_sent_again(app: RunningApp, red: bytes) -> None:
    """A name and its bytes are one asset. Another name is another asset."""
    first = told(upload(app, red, "n.png"), 201)
    assert told(upload(app, red, "n.png"))["id"] == first["id"]
    other = told(upload(app, red, "m.png"))
    assert (other["id"] != first["id"], other["created_new"]) == (True, False)
    assert by_hash(app, red) == 200
    assert told(from_hash(app, red, file_path="n.png"))["id"] == first["id"]
    third = told(from_hash(app, red, file_path="o.png"))
    assert third["file_path"] == "o.png"
    assert call(app, "GET", third["url"]).content == red
    call(app, "DELETE", f"/assets/{first['id']}")
    assert by_hash(app, red) == 200  # the others are left


def test_hashes_of_other_users_are_unknown(app: RunningApp, red: bytes, blue: bytes) -> None:
    """A miss and another user's file look the same."""
    asset = told(upload(app, red), 201)
    assert [by_hash(app, one, BOB) for one in (red, blue)] == [404, 404]
    answers = [from_hash(app, one, BOB) for one in (red, blue)]
    assert answers[0].text == answers[1].text
    refused(answers[0], 404, "blob_not_found")
    for path in (f"/assets/{asset['id']}", f"/assets/{uuid.uuid4()}", "/assets/x"):
        refused(call(app, "GET", path, BOB), 404, "not_found")
        refused(call(app, "GET", f"{path}/content", BOB), 404, "not_found")
        refused(call(app, "DELETE", path, BOB), 404, "not_found")
    details = refused(submit(app, inverted(reference(asset["id"])), BOB), 422, "missing_asset")
    assert details == {"missing_ids": [asset["id"]]}
    assert told(upload(app, red, cookie=BOB), 201)["created_new"]


def test_callers_without_an_identity_share_no_hashes(app: RunningApp, red: bytes) -> None:
    """Only ids lead to their files if other machines reach the app."""
    asset = told(upload(app, red, "red.png", cookie=""), 201)
    assert asset["file_path"] != "red.png"
    assert by_hash(app, red, "") == 404
    refused(from_hash(app, red, ""), 404, "blob_not_found")
    assert call(app, "GET", asset["url"], "").content == red


def test_a_replaced_file_is_no_longer_the_asset(app: RunningApp, red: bytes, blue: bytes) -> None:
    """ComfyUI's upload can replace a file by its name."""
    asset = told(upload(app, red, "same.png"), 201)
    requests.post(
        f"{app.url}/upload/image",
        {"overwrite": "true"},
        files={"image": ("same.png", blue)},
        cookies=cookie_of(ANN),
        timeout=LONGEST_WAIT,
    ).raise_for_status()
    refused(call(app, "GET", f"/assets/{asset['id']}"), 404, "not_found")
    assert [by_hash(app, one) for one in (red, blue)] == [404, 200]


def test_a_wrong_hash_stores_nothing(app: RunningApp, red: bytes, blue: bytes) -> None:
    refused(upload(app, blue, expected_hash=hash_of(red)), 409, "hash_mismatch")
    assert by_hash(app, blue) == 404


@pytest.mark.parametrize(
    "name",
    [
        "",
        "models/checkpoints/x.safetensors",
        "loras/x.safetensors",
        "../a.png",
        "a\\b.png",
        "/a.png",
    ],
)
def test_models_and_folders_are_not_written(app: RunningApp, name: str, red: bytes) -> None:
    refused(upload(app, red, "a.png", file_path=name), 422, "invalid_request")


def test_an_upload_needs_a_file_that_can_be_used(app: RunningApp) -> None:
    refused(call(app, "POST", "/assets", json={}), 422, "invalid_request")
    refused(call(app, "POST", "/assets", data={"file": "x"}), 422, "invalid_request")
    refused(upload(app, b""), 422, "invalid_request")
    broken = {"content-type": "multipart/form-data; boundary=x"}
    refused(call(app, "POST", "/assets", data=b"nothing", headers=broken), 422, "invalid_request")
    huge = {"content-length": "999999999999", "content-type": "multipart/form-data; boundary=x"}
    refused(call(app, "POST", "/assets", headers=huge), 413, "payload_too_large")


def test_a_key_stores_one_file(app: RunningApp, red: bytes, blue: bytes) -> None:
    key = str(uuid.uuid4())
    refused(upload(app, red, key=key, expected_hash=hash_of(blue)), 409, "hash_mismatch")
    assert upload(app, red, key=key).status_code == 201
    refused(upload(app, blue, key=key), 422, "idempotency_key_reuse")


@pytest.mark.parametrize("body", [{}, {"hash": 7}, [], {"hash": "blake3:x"}])
def test_a_hash_has_a_form(app: RunningApp, body: object) -> None:
    answer = call(app, "POST", "/assets/from-hash", json=body)
    code = "blob_not_found" if body == {"hash": "blake3:x"} else "invalid_request"
    refused(answer, 404 if code == "blob_not_found" else 422, code)
