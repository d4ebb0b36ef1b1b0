"""Behind a real proxy with TLS, below a path, as docs/deploy sets it up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
import trustme
from playwright.sync_api import expect

from tests.browser.proxy_programs import PROXIES, ProxyPlace, running_proxy_program
from tests.support.app_process import free_port
from tests.support.serving import running_app
from tests.support.visitor import Site, Visitor
from tests.support.waiting import LONGEST_WAIT
from ui.web_settings import WebSettings

PATH = "/forms"
PROTOCOLS = "performance.getEntriesByType('resource').map(entry => entry.nextHopProtocol)"

UPLOAD = """async (megabytes) => {
    const body = new FormData();
    body.append("files", new Blob([new Uint8Array(megabytes * 2 ** 20)]), "a.bin");
    const answer = await fetch("gradio_api/upload", { method: "POST", body });
    return { status: answer.status, said: await answer.text() };
}"""


@pytest.mark.parametrize("name", PROXIES)
def test_behind_a_real_proxy(
    name: str, slow: Site, visit: Callable[..., Visitor], tmp_path: Path
) -> None:
    """The page, previews, results and uploads of any size go through; cookies are for TLS only, and
    what is too large is told by the app."""
    settings = WebSettings(port=0, root_path=PATH, hosts=("forms.example.org",))
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    files = tmp_path / "certificate.pem", tmp_path / "key.pem", tmp_path / "authority.pem"
    certificate.private_key_pem.write_to_path(files[1])
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(files[0], append=True)
    authority.cert_pem.write_to_path(files[2])
    with running_app(slow.demo.url, settings=settings) as app:
        place = ProxyPlace(free_port(), int(app.url.rpartition(":")[2]), *files[:2])
        with running_proxy_program(name, place, tmp_path) as outside:
            url = f"{outside}{PATH}"
            with requests.Session() as calls:
                calls.verify, calls.trust_env = str(files[2]), False
                calls.headers["Origin"] = outside
                led = calls.get(url, allow_redirects=False).headers["location"]
                assert urljoin(url, led) == f"{url}/"
                page = calls.get(f"{url}/", timeout=LONGEST_WAIT)
                assert "Secure" in page.headers["set-cookie"]
                assert calls.get(f"{url}/health", timeout=LONGEST_WAIT).text == "alive\n"
            slow.demo.speed.step = 0.1
            person = visit(Site(url, slow.demo, app), ignore_https_errors=True).open()
            person.press()
            person.frames(2)
            slow.demo.speed.step = 0
            person.done()
            expect(person.page.locator("#history .tile img")).to_be_visible()
            assert "h2" in person.page.evaluate(PROTOCOLS)
            assert person.page.evaluate(UPLOAD, 99)["status"] == 200
            person.forgive("413")
            refused = person.page.evaluate(UPLOAD, 200)
            assert refused["status"] == 413
            assert "101 MB" in refused["said"]
            person.leave()
