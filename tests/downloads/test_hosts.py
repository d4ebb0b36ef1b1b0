"""Hosts that models may come from, target folders, and signed orders."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from comfy.base.messages import Message
from comfy.downloads import why_not
from comfy.requirements.model import ModelFile
from comfyforms.comfyui_node.downloads.connection import open_download
from comfyforms.comfyui_node.downloads.hosts import AllowedHosts, added_host, license_page
from comfyforms.comfyui_node.downloads.problems import DownloadRefused
from comfyforms.comfyui_node.downloads.targets import ModelFolder, checked_name, target_of
from comfyforms.comfyui_node.signing import SignatureCheck, SignatureRefused, signed_headers
from tests.downloads.conftest import ENDINGS, Opened, ended, order
from tests.downloads.file_server import FileServer, safetensors

PUBLIC = AllowedHosts()
HUB = "https://huggingface.co/org/repo/resolve/main/a.safetensors"


@pytest.mark.parametrize(
    "url", [HUB, "https://civitai.com/api/download/models/1?type=Model", "HTTPS://HuggingFace.co/a"]
)
def test_allows_the_public_model_hosts(url: str) -> None:
    """They work without a setting."""
    PUBLIC.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://huggingface.co/a",  # not encrypted
        "https://huggingface.co.evil.org/a",
        "https://evil.org/huggingface.co/a",
        "https://huggingface.co@evil.org/a",
        "https://evil.org#@huggingface.co/a",
        "https://evil.org\\@huggingface.co/a",
        "https://huggingface.co:8443/a",
        "https://huggingface.co./a",
        "https://sub.huggingface.co/a",
        "https://cas-bridge.xethub.hf.co/a",  # storage, only as the target of a redirect
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "https://2130706433/a",
        "https://0x7f.1/a",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://huggingface.co/a",
        "https://huggingface.co/a b",
        "https://huggingface.co/a\r\nHost: x",
        "//huggingface.co/a",
        "",
        "https://",
        f"https://huggingface.co/{'a' * 5000}",
    ],
)
def test_refuses_other_addresses(url: str) -> None:
    """Other hosts, schemes, ports and disguised addresses."""
    with pytest.raises(DownloadRefused):
        PUBLIC.check(url)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://cas-bridge.xethub.hf.co/a?X-Amz-Signature=1", True),
        ("https://cas-bridge.xethub-eu.hf.co/a", True),
        ("https://cdn-lfs-us-1.hf.co/a", True),
        ("https://cdn-lfs.huggingface.co/a", True),
        ("https://us.gcp.cdn.hf.co/a", True),
        ("https://europe-west4.us.gcp.cdn.hf.co/a", True),
        ("https://b2.civitai.com/file/a", True),
        (
            "https://civitai-delivery-worker-prod.5ac0637cfd0766c97916cefa3764fbdf"
            ".r2.cloudflarestorage.com/model/a",
            True,
        ),
        ("https://civitai-delivery-worker-prod.0.r2.cloudflarestorage.com/a", False),
        ("https://other.r2.cloudflarestorage.com/a", False),
        ("https://evil.hf.co/a", False),
        ("https://cas-bridge.xethub.hf.co.evil.org/a", False),
        ("https://cas-bridge.xethub.hf.co:8443/a", False),
        ("http://cas-bridge.xethub.hf.co/a", False),
        ("http://127.0.0.1/a", False),
        ("https://user.hf.space/a", False),
    ],
)
def test_redirects_lead_only_to_the_hosts_storage(url: str, allowed: bool) -> None:
    """The storage hosts of the public model hosts are allowed there."""
    if allowed:
        PUBLIC.check(url, redirected=True)
    else:
        with pytest.raises(DownloadRefused):
            PUBLIC.check(url, redirected=True)


@pytest.mark.parametrize(
    "text",
    ["models.example.org", "https://models.example.org:8443", "http://10.0.0.5:8000", "10.0.0.7"],
)
def test_the_administrator_adds_hosts(text: str) -> None:
    """A host with TLS, or an address of a private network."""
    url = text if "://" in text else f"https://{text}"
    AllowedHosts([text]).check(f"{url}/a.safetensors")


@pytest.mark.parametrize(
    "text",
    [
        "http://models.example.org",
        "http://8.8.8.8",
        "https://models.example.org/folder",
        "169.254.169.254",
        "http://169.254.169.254",
        "http://0.0.0.0:80",
        "http://[fe80::1]",
        "*.example.org",
        "user@models.example.org",
        "",
    ],
)
def test_hosts_that_would_weaken_the_rules_cannot_be_added(text: str) -> None:
    """Plain HTTP over the internet, paths, patterns, and the metadata service of clouds."""
    with pytest.raises(ValueError, match=r"\w"):
        added_host(text)


@pytest.mark.parametrize(
    ("address", "usable"),
    [
        ("3.33.1.2", True),
        ("2600:9000::1", True),
        ("fec0::1", False),
        ("127.0.0.1", False),
        ("10.0.0.5", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.5", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::321:102", True),
    ],
)
def test_a_name_never_leads_to_a_private_address(address: str, usable: bool) -> None:
    """However the DNS answers."""
    assert PUBLIC.usable(PUBLIC.check(HUB), address) is usable


def test_a_named_host_on_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is resolved once, and its address is checked before the connection."""
    asked = []

    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    hosts = AllowedHosts(["https://models.example.org:9"])
    with (
        pytest.raises(DownloadRefused, match="private network"),
        open_download("GET", "https://models.example.org:9/a", hosts, headers={}),
    ):
        pass
    assert asked == ["models.example.org"]


@pytest.mark.parametrize("file", [ModelFile("a"), ModelFile("a", url=HUB)])
def test_the_reason_against_a_download_can_be_translated(file: ModelFile) -> None:
    assert isinstance(why_not(file, PUBLIC), Message)


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost:1/a.safetensors",
        "https://evil.org/a.safetensors",
        "http://127.0.0.1:1/a.safetensors",
        "//evil.org/a",
        "file:///etc/passwd",
        "https://10.0.0.1/a",
    ],
)
def test_a_redirect_to_another_host_is_refused(
    files: FileServer, opened: Opened, location: str
) -> None:
    """An allowed host can't send the download elsewhere."""
    files.host("a.safetensors", b"", location=location)
    queue = opened()
    queue.start(order(files))
    assert ended(queue, "failed").problem
    assert len(files.requests) == 1


def test_a_circle_of_redirects_ends(files: FileServer, opened: Opened) -> None:
    """After a few hops."""
    files.host("a.safetensors", b"", location="/a.safetensors")
    queue = opened()
    queue.start(order(files))
    assert "too often" in ended(queue, "failed").problem


def test_a_redirect_within_the_host_is_followed(files: FileServer, opened: Opened) -> None:
    """Renamed repositories need it."""
    files.host("a.safetensors", b"", location="/b.safetensors")
    files.host("b.safetensors", safetensors(1000))
    queue = opened()
    queue.start(order(files))
    ended(queue, "done")


def test_the_token_goes_to_hugging_face_only(files: FileServer, opened: Opened) -> None:
    """Other hosts never see it, and it isn't stored."""
    files.host("a.safetensors", safetensors(1000))
    queue = opened()
    queue.start(order(files, token="hf_secret"))
    ended(queue, "done")
    assert all("authorization" not in headers for _, headers in files.requests)


@pytest.mark.parametrize(
    ("url", "page"),
    [
        (HUB, "https://huggingface.co/org/repo"),
        (
            "https://civitai.com/api/download/models/12?type=Model",
            "https://civitai.com/model-versions/12",
        ),
        ("https://models.example.org/a.safetensors", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_links_to_the_page_with_the_license(url: str, page: str) -> None:
    """Where people read and accept it."""
    assert license_page(url) == page


FORMER = "diffusion_models"


@pytest.mark.parametrize(
    "name", ["a.safetensors", "XL/a b (1).sft", "XL\\a.gguf", "モデル.safetensors", "a.ONNX"]
)
def test_allows_usual_names(name: str) -> None:
    """Also with subfolders, as loaders list them."""
    assert checked_name(name) == name.replace("\\", "/")


@pytest.mark.parametrize(
    "name",
    [
        "a.ckpt",
        "a.pt",
        "a.bin",
        "a.pkl",
        "a.safetensors.exe",
        "a",
        "",
        "../a.safetensors",
        "XL/../../a.safetensors",
        "..\\a.safetensors",
        "/etc/a.safetensors",
        "C:\\a.safetensors",
        "C:a.safetensors",
        "a.safetensors:stream.safetensors",
        "./a.safetensors",
        "//host/a.safetensors",
        ".a.safetensors",
        ".comfyforms-downloads/a.safetensors",
        "~/a.safetensors",
        "a\x00.safetensors",
        "a\n.safetensors",
        "a\u202egpj.safetensors",
        "con.safetensors",
        "XL /a.safetensors",
        "XL./a.safetensors",
        "a/b/c/d/e/f/g.safetensors",
        f"{'a' * 300}.safetensors",
    ],
)
def test_refuses_names_that_are_tricks(name: str) -> None:
    """Other places, other formats, and names that some system reads differently."""
    with pytest.raises(DownloadRefused):
        checked_name(name)


def test_the_folder_comes_from_comfyui(tmp_path: Path) -> None:
    """Former names lead to the present folder. The app can't add one, nor put files beside
    nodes."""
    folders = {
        "diffusion_models": ModelFolder(
            (tmp_path / "unet", tmp_path / "diffusion_models"), ENDINGS
        ),
        "custom_nodes": ModelFolder((tmp_path / "custom_nodes",), frozenset()),
        "all": ModelFolder((tmp_path / "all",), frozenset()),
    }
    for name in (FORMER, "unet"):
        target = target_of(folders, name, "a.safetensors", "0")
        assert target.file == tmp_path / "diffusion_models" / "a.safetensors"
    for name in ("custom_nodes", "all", "loras", "../checkpoints", ""):
        with pytest.raises(DownloadRefused):
            target_of(folders, name, "a.safetensors", "0")


def test_a_linked_subfolder_is_refused(tmp_path: Path) -> None:
    """The file would be stored elsewhere."""
    (tmp_path / "loras").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "loras" / "out").symlink_to(tmp_path / "other")
    folders = {"loras": ModelFolder((tmp_path / "loras",), ENDINGS)}
    with pytest.raises(DownloadRefused):
        target_of(folders, "loras", "out/a.safetensors", "0")


SECRET = "a-secret-of-both-that-is-long"
BODY = b'{"orders": []}'
PATH = "/comfyforms/downloads"


def sent(**changes: str) -> dict[str, str]:
    return signed_headers(SECRET, "POST", PATH, BODY) | {"host": "a", **changes}


def test_accepts_a_signed_request() -> None:
    """Each has its own signature."""
    check = SignatureCheck(SECRET)
    check.check(sent(), "POST", PATH, BODY)
    check.check(sent(), "POST", PATH, BODY)


def test_refuses_a_replayed_request() -> None:
    """A recorded request is useless."""
    check = SignatureCheck(SECRET)
    headers = sent()
    check.check(headers, "POST", PATH, BODY)
    with pytest.raises(SignatureRefused, match="already"):
        check.check(headers, "POST", PATH, BODY)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("DELETE", PATH, BODY), ("POST", f"{PATH}/1/pause", BODY), ("POST", PATH, b"{}")],
)
def test_refuses_a_changed_request(method: str, path: str, body: bytes) -> None:
    """The signature covers method, path and body."""
    with pytest.raises(SignatureRefused, match="signature"):
        SignatureCheck(SECRET).check(sent(), method, path, body)


@pytest.mark.parametrize("seconds", [-400, 400, 10**9])
def test_refuses_old_and_future_requests(seconds: float) -> None:
    """They could have been recorded before the node's numbers were forgotten."""
    check = SignatureCheck(SECRET, clock=lambda: time.time() + seconds)
    with pytest.raises(SignatureRefused, match="old"):
        check.check(sent(), "POST", PATH, BODY)


def test_a_restart_does_not_allow_replays() -> None:
    """A request from before the start is refused, because the used numbers are forgotten."""
    headers = sent()
    later = int(headers["x-comfyforms-time"]) + 10.0
    with pytest.raises(SignatureRefused, match="old"):
        SignatureCheck(SECRET, clock=lambda: later).check(headers, "POST", PATH, BODY)


@pytest.mark.parametrize(
    "name", ["origin", "referer", "cookie", "sec-fetch-site", "sec-fetch-mode", "sec-ch-ua"]
)
def test_refuses_every_browser(name: str) -> None:
    """Even with the right signature."""
    with pytest.raises(SignatureRefused, match="Browsers"):
        SignatureCheck(SECRET).check(sent(**{name: "x"}), "POST", PATH, BODY)


def test_refuses_unsigned_requests_and_other_secrets() -> None:
    """Another program in the network can't send orders."""
    check = SignatureCheck(SECRET)
    other = signed_headers("another-secret-that-is-long-too", "POST", PATH, BODY)
    for headers in (
        {},
        other,
        sent(**{"x-comfyforms-time": "١٢٣"}),
        sent(**{"x-comfyforms-once": "1"}),
        sent(**{"x-comfyforms-signature": "é" * 64}),
        sent(**{"x-comfyforms-signature": "\udce9" * 64}),
    ):
        with pytest.raises(SignatureRefused):
            check.check(headers, "POST", PATH, BODY)
