"""A page behind a load balancer outlives its process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.cluster.balancer import running_balancer
from tests.browser.cluster.returning import page_behind, returning
from tests.support.cluster.running import running_cluster
from tests.support.visitor import Visitor


def test_a_page_outlives_its_process(
    own_temporary_folder: Path, tmp_path: Path, visit: Callable[..., Visitor]
) -> None:
    """The process of a page is killed. The page comes back by itself at the other process, with the
    typed values, and its run continues."""
    with (
        running_cluster(apps=2, servers=1, step_seconds=0.2) as cluster,
        running_balancer("caddy", cluster, tmp_path / "caddy") as balancer,
    ):
        person = page_behind(balancer, visit, "text-to-image", "5.steps=60")
        person.press()
        person.frames(1)
        person.type("2.text", "typed before the end")
        with returning(balancer, person):
            expect(person.entry("2.text")).to_have_value("typed before the end")
            person.frames(1)
        person.leave()
