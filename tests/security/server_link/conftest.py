"""Server, certificates and workflow for the tests, without proxies or bundles from the
environment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from comfyui_standin import DemoServer
from tests.support.sampler import prompt

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
PROXIES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*BUNDLES, *PROXIES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.01) as server:
        yield server


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    file = tmp_path / "small.json"
    file.write_text(json.dumps(prompt(7, steps=3)))
    return file
