"""Programs that follow a run at a process that doesn't execute it: by every way that the app has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.pages import page_showing
from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster, running_cluster
from tests.attacks.parts import attacked_parts

STEPS = 40  # of 0.05 seconds; each has a preview
SEVERAL = 8  # steps, also on a slow machine; a process that isn't told of them shows one or two
PROMPT = 1.0  # seconds


@pytest.fixture(scope="module")
def cluster(own_temporary_folder: Path) -> Iterator[Cluster]:
    """Run a process that only serves pages and programs, and one that only executes."""
    with running_cluster(apps=0, servers=1, step_seconds=0.05) as cluster:
        cluster.add_app("--execute", "no")
        cluster.add_app("--pages", "no")
        for app in cluster.apps:
            app.launch()
        for app in cluster.apps:
            app.wait_until_ready()
        yield cluster


@pytest.fixture
def other(cluster: Cluster) -> AppProcess:
    """Return the process that executes nothing."""
    return cluster.apps[0]


@pytest.fixture
def client(cluster: Cluster) -> ClusterClient:
    return ClusterClient(cluster)


def events(client: ClusterClient, at: AppProcess) -> int:
    """Count the progress values among a run's server-sent events."""
    run = client.submit(STEPS, at=at)
    return len({document["progress"] for _, document in client.events(run, at)})


def preview_stream(client: ClusterClient, at: AppProcess) -> int:
    """Count the images of `/preview?stream=true`."""
    run = client.submit(STEPS, at=at)
    answer = client.ask(at, "GET", f"/runs/{run}/preview", params={"stream": "true"})
    return answer.content.count(b"content-length:")


def single_requests(client: ClusterClient, at: AppProcess) -> int:
    """Count the progress values that single requests get."""
    run = client.submit(STEPS, at=at)
    values = set()
    while not (document := client.run(run, at))["finished"]:
        values.add(document["progress"])
    return len(values)


def single_previews(client: ClusterClient, at: AppProcess) -> int:
    """Count the images that single requests get."""
    run = client.submit(STEPS, at=at)
    previews: set[str] = set()
    while not client.run(run, at)["finished"]:
        answer = client.ask(at, "GET", f"/runs/{run}/preview")
        previews |= {answer.headers["etag"]} if answer.status_code == 200 else set()
    return len(previews)


def page(client: ClusterClient, at: AppProcess) -> int:
    """Count the progress values that a page shows. Its socket isn't tested for frames here: it gets
    the next one only after it has painted one."""
    with page_showing(client, client.submit(STEPS, at=at), at) as shown:
        shown.wait_for("done")
        assert shown.seen.frames
        return len({one["progress"] for one in shown.seen.documents if "progress" in one})


def follower(seen: Callable[[str, str, int], int]) -> Callable[[ClusterClient, AppProcess], int]:
    return lambda client, at: seen(at.url, client.cookie, STEPS)


@pytest.mark.parametrize(
    "follow",
    [
        events,
        preview_stream,
        single_requests,
        single_previews,
        page,
        *(follower(part.steps_seen) for part in attacked_parts() if part.steps_seen),
    ],
)
def test_another_process_shows_the_steps_of_a_run(
    client: ClusterClient, other: AppProcess, follow: Callable[[ClusterClient, AppProcess], int]
) -> None:
    """A program that follows a run at a process that doesn't execute it gets its states and previews."""
    assert follow(client, other) >= SEVERAL


def test_another_process_answers_at_the_end_of_a_run(
    cluster: Cluster, client: ClusterClient, other: AppProcess
) -> None:
    """A request with `wait=true` is answered when the run ends, not at the next look."""
    path = "/workflows/text-to-image/runs?wait=true"
    run = client.ask(other, "POST", path, json={"values": {"5.steps": STEPS}}).json()
    assert run["phase"] == "done"
    ended = cluster.executions_of(run["id"])[-1].ended
    assert ended is not None
    assert time.time() - ended < PROMPT
