"""Pages of two processes behind a real load balancer. The page's process ends, and the page comes
back at the other one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import CDPSession, expect

from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from comfyforms.plugins.cluster.tests.browser.balancer import Balancer, running_balancer
from comfyforms.plugins.cluster.tests.browser.returning import page_behind, returning
from comfyforms.plugins.cluster.tests.kills import check_executed_once
from tests.browser.form.test_images import coloured_image, has_width
from tests.browser.nightly.proxy_programs import PROXIES
from tests.support.batch_dialog import values_of_row, vary
from tests.support.visitor import Visit

SLOW = 50_000  # bytes per second


@pytest.fixture(scope="module")
def cluster(own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a cluster for all tests of this file."""
    with running_cluster(apps=2, servers=1, step_seconds=0.05) as cluster:
        yield cluster


@pytest.fixture(scope="module", params=PROXIES)
def balancer(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Balancer]:
    """Run each load balancer in front of the cluster."""
    folder = tmp_path_factory.mktemp("balancer") / request.param
    with running_balancer(request.param, cluster, folder) as balancer:
        yield balancer


@pytest.mark.parametrize("end", [AppProcess.kill, AppProcess.terminate])
def test_a_page_returns_with_its_runs(
    cluster: Cluster, balancer: Balancer, visit: Visit, end: Callable[[AppProcess], object]
) -> None:
    """After SIGKILL and SIGTERM, the page has the typed values, the active run with its previews
    and the waiting run. The page stops one of them, and the other one is executed once."""
    person = page_behind(balancer, visit, "text-to-image", "5.steps=60")
    with cluster.slow_servers():
        person.press()
        person.frames(1)
        active = str(person.page.evaluate("document.querySelector('#stage .stage').dataset.run"))
        person.press()
        expect(person.waiting()).to_have_count(1)
        person.type("2.text", "typed before the end")
        with returning(balancer, person, end):
            expect(person.entry("2.text")).to_have_value("typed before the end")
            expect(person.waiting()).to_have_count(1)
            expect(person.page.locator("#stage .headline")).to_contain_text("Sampling")
            person.frames(1)
            person.page.locator("#stop").click()
            cluster.wait_for_outcome(active, "interrupted")
    check_executed_once(cluster, [person.done(after=active)])
    person.leave()


def test_a_page_returns_with_its_files(balancer: Balancer, visit: Visit, tmp_path: Path) -> None:
    """A file in the form is there again. If its upload was cut, the page says so, and the user adds
    it again."""
    person = page_behind(balancer, visit, "image-to-image")
    (tmp_path / "small.png").write_bytes(coloured_image())
    Image.new("RGB", (500, 400)).save(tmp_path / "large.bmp")
    chooser = person.field("4.image").locator("input[type=file]")
    link = person.page.context.new_cdp_session(person.page)
    link.send("Network.enable")
    _limit_uploads(link, SLOW)
    with person.page.expect_request("**/upload*"):
        chooser.set_input_files(tmp_path / "large.bmp")
    with returning(balancer, person):
        expect(person.page.get_by_text("“large.bmp” wasn't uploaded").first).to_be_visible()
        _limit_uploads(link, -1)
        chooser.set_input_files(tmp_path / "small.png")
        has_width(person, 96)
    with returning(balancer, person):
        has_width(person, 96)
        expect(person.page.get_by_text("wasn't uploaded")).to_have_count(0)
    person.leave()


def test_a_page_returns_from_a_dialog(balancer: Balancer, visit: Visit) -> None:
    """The values typed into the dialog of a batch are there when the user opens it again."""
    person = page_behind(balancer, visit, "text-to-image")
    values_of_row(vary(person), "Prompt").fill("one\ntwo")
    with returning(balancer, person):
        expect(values_of_row(vary(person), "Prompt")).to_have_value("one\ntwo")
        person.page.keyboard.press("Escape")
    person.leave()


def _limit_uploads(link: CDPSession, speed: int) -> None:
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1}
    link.send("Network.emulateNetworkConditions", {**limits, "uploadThroughput": speed})
