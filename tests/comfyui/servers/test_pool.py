"""The pool of servers: choice, failures and draining."""

from __future__ import annotations

import logging
import socket
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from comfy.base.errors import TooManyThreads
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.run_state import Phase
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.pool import CheckPauses, ServerPool
from comfy.comfyui.servers.reports import fresh
from comfy.comfyui.servers.server import ComfyServer
from comfy.library.catalog import CatalogCache
from comfy.runs.interface import Origin, Run
from comfy.runs.registry import LocalRunRegistry
from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import fixed
from comfyui_standin.nodes.registry import NODES
from tests.runs.registry import HURRIED, LIMIT, end, running
from tests.support.link import FaultyLink
from tests.support.registries import EmbeddedRegistry
from tests.support.sampler import LONG, job, prompt
from tests.support.serving import open_history
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.documents.headlines import headline
from ui.documents.page_runs import queued_run
from ui.documents.run_doc import QueueLine

OFTEN = CheckPauses(up=0.2, recheck=0.05, away=0.1)
PATIENT = replace(HURRIED, patience=20.0, elsewhere=0.2)
OTHER_MODEL = "other-model.safetensors"


def with_checkpoints(*names: str) -> dict[str, Any]:
    """Return the nodes of a server that has only these checkpoints."""
    return with_choices(ckpt_name=names)


def with_choices(**lists: Iterable[str]) -> dict[str, Any]:
    """Return the nodes of a server that has other choices for these inputs."""
    with DemoServer() as demo, Client(demo.url) as client:
        told = client.object_info()
    nodes = dict(NODES)
    for class_type, node in told.items():
        inputs = node["input"].get("required", {})
        for name in inputs.keys() & lists.keys():
            inputs[name][0] = list(lists[name])
            nodes[class_type] = replace(NODES[class_type], describe=fixed(node))
    return nodes


def without_input(class_type: str, name: str) -> dict[str, Any]:
    """Return the nodes of a server whose version of a class lacks this input."""
    with DemoServer() as demo, Client(demo.url) as client:
        told = client.object_info()[class_type]
    del told["input"]["required"][name]
    return {**NODES, class_type: replace(NODES[class_type], describe=fixed(told))}


@contextmanager
def pool_of(
    *urls: str, limits: Mapping[str, int] | None = None, pauses: CheckPauses = OFTEN
) -> Iterator[ServerPool]:
    with ExitStack() as opened:
        addresses = [replace(ServerAddress.parse(url), shown=False) for url in urls]
        clients = [opened.enter_context(Client(address)) for address in addresses]
        pool = opened.enter_context(ServerPool(*clients, pauses=pauses, limits=limits))
        pool.object_info()
        yield pool


@contextmanager
def registry_of(
    *urls: str, limits: Mapping[str, int] | None = None, **options: Any
) -> Iterator[LocalRunRegistry]:
    with pool_of(*urls, limits=limits) as pool, registry_with(pool, **options) as runs:
        yield runs


def registry_with(pool: ServerPool, **options: Any) -> closing[LocalRunRegistry]:
    return closing(EmbeddedRegistry(pool, timing=PATIENT, **options))


def place_of(run: Run) -> str:
    return run.record.server


def successes(*demos: DemoServer) -> list[str]:
    """Return the ids of the prompts that succeeded on these servers, once per success."""
    return [
        prompt_id
        for demo in demos
        for prompt_id, entries in demo.journal.all().items()
        for entry in entries
        if entry == "success"
    ]


def test_two_runs_go_to_two_servers_side_by_side() -> None:
    """The third run waits in the app for the first free server."""
    with (
        DemoServer(step_seconds=0.02) as one,
        DemoServer(step_seconds=0.02) as other,
        registry_of(one.url, other.url) as runs,
    ):
        first, second, third = (runs.submit(job(LONG), Origin("me")) for _ in range(3))
        running(first)
        running(second)
        assert {place_of(first), place_of(second)} == {one.url, other.url}
        assert third.waits_here
        second.cancel()
        running(third)
        assert place_of(third) == place_of(second)


def test_a_server_gets_no_more_runs_than_its_limit() -> None:
    """The other runs wait in the app. A server without a set limit gets one run."""
    with (
        DemoServer(step_seconds=0.02) as one,
        DemoServer(step_seconds=0.02) as other,
        registry_of(one.url, other.url, limits={other.url: 2}) as runs,
    ):
        begun = [runs.submit(job(LONG), Origin("me")) for _ in range(5)]
        expected = {one.url: 1, other.url: 2, "": 2}
        eventually(lambda: Counter(map(place_of, begun)) == expected)
        assert [run.waits_here for run in begun] == [False] * 3 + [True] * 2
        assert (len(begun[4].servers), runs.room) == (2, 3)
        for run in begun:
            run.cancel()


def test_a_run_goes_to_a_server_that_has_its_model() -> None:
    """The run waits for that server although the other one is free. If several servers have the
    model, the run goes to the server with the model in memory. The wait that the app shows counts
    only the servers that can take the run."""
    with (
        DemoServer(step_seconds=0, nodes=with_checkpoints(OTHER_MODEL)) as other,
        DemoServer(step_seconds=0) as one,
        DemoServer(step_seconds=0) as third,
        registry_of(other.url, one.url, third.url) as runs,
    ):
        first = runs.submit(job(2), Origin("me"))
        assert end(first).phase is Phase.DONE
        again = runs.submit(job(2), Origin("me"))
        assert end(again).phase is Phase.DONE
        assert {place_of(run) for run in (first, again)} == {one.url}
        wanted = job(2)
        wanted.prompt["1"]["inputs"]["ckpt_name"] = OTHER_MODEL
        run = runs.submit(wanted, Origin("me"))
        end(run)
        assert place_of(run) == other.url


def test_a_run_avoids_a_server_that_is_busy_for_other_clients() -> None:
    """The run avoids a server that is busy for other clients, even if that server has its model in
    memory. The app's own prompts don't count."""
    with (
        DemoServer(step_seconds=0.01) as busy,
        DemoServer(step_seconds=0.01) as idle,
        Client(busy.url) as stranger,
        pool_of(busy.url, idle.url) as pool,
        closing(EmbeddedRegistry(pool, timing=PATIENT)) as runs,
    ):
        first = runs.submit(job(1), Origin("me"))
        assert end(first).phase is Phase.DONE
        assert place_of(first) == busy.url
        for at in range(3):
            stranger.submit(
                prompt(at, LONG), client_id="stranger", prompt_id=str(uuid4()), extra_data={}
            )
        eventually(lambda: pool.servers[0].prompts_of_others == 3)
        second, third = (runs.submit(job(LONG), Origin("me")) for _ in range(2))
        running(second)
        assert place_of(second) == idle.url
        eventually(lambda: place_of(third) == busy.url)
        eventually(lambda: len(stranger.queue().pending) == 3)
        assert [one.prompts_of_others for one in pool.servers] == [3, 0]


def test_a_run_prefers_servers_that_know_its_inputs() -> None:
    """A run goes to a server that lacks one of its inputs only if all other servers have the same
    problem. An input that no server knows doesn't matter."""
    wanted = prompt(1)
    wanted["4"]["inputs"]["only_the_editor_knows"] = 1
    with (
        DemoServer(nodes=without_input("KSampler", "denoise")) as old,
        DemoServer() as new,
        pool_of(old.url, new.url) as pool,
    ):
        assert tuple(pool.candidates(Needs(wanted))) == pool.servers[1:]
        assert not pool.has_other(pool.servers[1], Needs(wanted))
        del wanted["4"]["inputs"]["denoise"]
        assert tuple(pool.candidates(Needs(wanted))) == pool.servers[:1]
        del wanted["4"]
        assert tuple(pool.candidates(Needs(wanted))) == pool.servers


def test_a_run_prefers_the_server_with_most_of_it_cached() -> None:
    """The pool chooses among the servers that have the run's model. A model counts for more than
    other nodes."""
    boat, fox, other = prompt(1), prompt(2), prompt(1)
    fox["2"]["inputs"]["text"] = "a fox"
    other["1"]["inputs"]["ckpt_name"] = OTHER_MODEL
    nodes = with_checkpoints("demo-landscapes.safetensors", OTHER_MODEL)
    with ExitStack() as opened:
        demos = [opened.enter_context(DemoServer(nodes=nodes)) for _ in range(3)]
        pool = opened.enter_context(pool_of(*(demo.url for demo in demos)))
        for server, done in zip(pool.servers, (other, boat, fox), strict=True):
            server.took(Needs(done), str(uuid4()))
        first, second, third = pool.servers
        assert pool.candidates(Needs(prompt(3))) == [second, third, first]
        fox["4"]["inputs"]["seed"] = 3
        assert pool.candidates(Needs(fox)) == [third, second, first]
        other["2"]["inputs"]["text"] = "a fox"
        assert pool.candidates(Needs(other))[0] is first


def test_a_run_that_no_server_can_do_is_refused() -> None:
    """A server refuses the run, so that it doesn't wait forever."""
    with DemoServer() as one, DemoServer() as other, registry_of(one.url, other.url) as runs:
        wanted = job(2)
        wanted.prompt["1"]["inputs"]["ckpt_name"] = "nowhere.safetensors"
        state = end(runs.submit(wanted, Origin("me")))
        assert state.phase is Phase.REFUSED


def test_no_run_is_lost_or_repeated_when_a_server_dies(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Runs that wait for the dead server move to the other one, and its current run starts again.
    The pool takes the server back when it answers. The log names the server, even if users don't
    see its address. The dying server is slow: a run that it had just finished would start again."""
    with (
        DemoServer(step_seconds=1) as dying,
        DemoServer(step_seconds=0.01) as other,
        registry_of(dying.url, other.url) as runs,
    ):
        all_runs = [runs.submit(job(8), Origin("me")) for _ in range(16)]
        on_dying = next(run for run in all_runs if place_at(run, dying))
        running(on_dying)
        dying.stop()
        dying.speed.step = 0.01
        assert [end(run).phase for run in all_runs[:12]] == [Phase.DONE] * 12
        eventually(lambda: f"ComfyUI at {dying.url} does not answer." in caplog.messages)
        dying.start()
        assert [end(run).phase for run in all_runs] == [Phase.DONE] * 16
        assert sorted(successes(dying, other)) == sorted(run.id for run in all_runs)
        late = [runs.submit(job(LONG), Origin("me")) for _ in range(2)]
        eventually(lambda: {place_of(run) for run in late} == {dying.url, other.url})


def test_waiting_runs_are_notified_of_a_lost_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log names a server that went away, but not a server that answers the check at once."""
    seldom = replace(OFTEN, up=LONGEST_WAIT)
    with DemoServer() as going, DemoServer() as other:
        with pool_of(going.url, other.url, pauses=seldom) as pool:
            eventually(lambda: going.requests["GET /queue"], "the first look at it")
            server, told = pool.servers[0], threading.Event()
            pool.on_change(told.set)
            server.recheck(gone=True)
            assert told.wait(LONGEST_WAIT)
            assert server.up
            assert going.url not in caplog.text
            told.clear()
            going.stop()
            server.recheck(gone=True)
            assert told.wait(LONGEST_WAIT)
            assert f"ComfyUI at {going.url} does not answer." in caplog.messages
            going.start()
            eventually(lambda: server.up, "it is back")
        assert f"ComfyUI at {going.url} answers again." in caplog.messages


def test_an_unreachable_server_is_down_until_the_next_check() -> None:
    """The server's answer may date from before it went away."""
    with DemoServer() as demo, Client(demo.url) as client, ThreadPoolExecutor(1) as other:
        server = ComfyServer(client)
        with demo.hold("GET /system_stats") as held:
            asked = other.submit(server.check)
            assert held.reached.wait(LONGEST_WAIT)
            server.recheck(gone=True)
        assert asked.result(LONGEST_WAIT)
        assert not server.up
        server.check()
        assert server.up


def place_at(run: Run, demo: DemoServer) -> bool:
    eventually(lambda: place_of(run) != "" or run.waits_here)
    return place_of(run) == demo.url


@pytest.mark.parametrize("paid", [False, True])
def test_an_interrupted_run_is_lost_if_it_may_not_repeat(paid: bool) -> None:
    """A setting keeps the app from starting the run twice, which would repeat its effects outside
    of the server. A paid run never starts twice, because it would cost credits again."""
    long = replace(job(200), paid=paid)
    with (
        DemoServer(step_seconds=0.01) as dying,
        DemoServer(step_seconds=0.01) as other,
        registry_of(dying.url, other.url, retries=paid) as runs,
    ):
        first, second = (runs.submit(long, Origin("me")) for _ in range(2))
        running(first)
        running(second)
        dying.stop()
        dying.start()
        lost, done = (first, second) if place_of(first) == dying.url else (second, first)
        assert end(lost).phase is Phase.LOST
        assert end(done).phase is Phase.DONE


@pytest.mark.parametrize("asked", ["GET /history", "GET /view"])
def test_a_run_restarts_if_its_results_are_lost_with_the_server(asked: str, tmp_path: Path) -> None:
    """The server finishes the run but dies before it gives the outcome or the files. Another server
    repeats the run, and the next run gets its turn."""
    with (
        DemoServer(step_seconds=0) as dying,
        DemoServer(step_seconds=0) as other,
        closing(open_history(tmp_path)) as history,
        registry_of(dying.url, other.url, history=history) as runs,
    ):
        with dying.hold(asked) as held:
            run = runs.submit(job(2), Origin("me"))
            assert held.reached.wait(LIMIT)
            dying.stop()
        state = end(run)
        assert (state.phase, state.restarted) == (Phase.DONE, True)
        assert [bool(file.digest) for file in state.files] == [True]
        assert place_of(run) == other.url
        assert successes(dying, other) == [run.id] * 2
        assert end(runs.submit(job(2), Origin("me"))).phase is Phase.DONE


@pytest.mark.parametrize("retries", [True, False])
def test_files_of_a_run_that_cannot_move_are_fetched_later(
    retries: bool,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The run can't move if the setting forbids it or no other server has its model. The app
    fetches the files when the server is back."""
    nodes = with_checkpoints(OTHER_MODEL) if retries else None
    with (
        DemoServer(step_seconds=0) as dying,
        DemoServer(step_seconds=0, nodes=nodes) as other,
        closing(open_history(tmp_path)) as history,
        registry_of(dying.url, other.url, history=history, retries=retries) as runs,
    ):
        with dying.hold("GET /view") as held:
            run = runs.submit(job(2), Origin("me"))
            assert held.reached.wait(LIMIT)
            dying.stop()
        eventually(lambda: f"ComfyUI at {dying.url} does not answer." in caplog.messages)
        dying.start()
        state = end(run)
        assert (state.phase, state.restarted) == (Phase.DONE, False)
        assert [bool(file.digest) for file in state.files] == [True]
        assert successes(dying, other) == [run.id]


def test_a_prompt_abandoned_behind_a_broken_link_is_canceled() -> None:
    """The server was never down. As soon as the app can reach it, the app cancels the abandoned
    prompt there."""
    with (
        DemoServer(step_seconds=0.01) as cut_off,
        DemoServer(step_seconds=0.01) as other,
        FaultyLink(cut_off.url) as link,
        registry_of(link.url, other.url) as runs,
    ):
        blocker = runs.submit(job(LONG), Origin("me"))
        run = runs.submit(job(LONG), Origin("me"))
        running(blocker)
        running(run)
        away, stays = (blocker, run) if place_of(blocker) == link.url else (run, blocker)
        link.refuse()
        link.cut()
        stays.cancel()
        eventually(lambda: place_of(away) == other.url)
        running(away)
        link.heal()
        eventually(lambda: "interrupted" in cut_off.journal.of(away.id))
        assert away.state.restarted
        assert not away.state.phase.finished


def test_a_single_server_is_never_checked_in_the_background() -> None:
    """A pool with a single server starts no thread and sends no request."""
    with DemoServer() as demo, pool_of(demo.url) as pool:
        assert demo.requests["GET /system_stats"] == 0
        assert tuple(pool.candidates(Needs({}))) == pool.servers


def test_a_known_catalog_is_kept_if_threads_cannot_start(refused_threads: set[str]) -> None:
    """If the app knew no nodes before, it reports the cause. It still reports the state of the
    servers."""
    with DemoServer() as one, DemoServer() as other, pool_of(one.url, other.url) as pool:
        catalog = CatalogCache(pool.object_info)
        refused_threads.update(("nodes", "reports"))
        with pytest.raises(TooManyThreads, match="out of resources"):
            catalog.get()
        assert [report.up for _, report in fresh(pool)()] == [True, True]
        refused_threads.clear()
        known = catalog.get()
        refused_threads.add("nodes")
        assert catalog.get(refresh=True) is known


def test_server_checks_continue_after_any_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The app logs a brief shortage of memory. It still notices when a server goes away later."""
    find = socket.getaddrinfo

    def find_none(*_: object, **__: object) -> None:
        raise MemoryError

    with DemoServer() as one, DemoServer() as other, pool_of(one.url, other.url) as pool:
        with caplog.at_level(logging.ERROR):
            monkeypatch.setattr(socket, "getaddrinfo", find_none)
            eventually(lambda: len(caplog.records) > 2, "both were to be asked")
            monkeypatch.setattr(socket, "getaddrinfo", find)
        other.stop()
        eventually(lambda: [one.up for one in pool.servers] == [True, False])


def test_a_hanging_server_does_not_hold_up_forms() -> None:
    """A server that accepts connections but never answers doesn't hold back forms that another
    server can provide. This applies to the first form and to later forms."""
    pauses = CheckPauses(limit=0.3, recheck=0.05)
    with (
        DemoServer() as one,
        socket.create_server(("127.0.0.1", 0)) as hanging,
        Client(ServerAddress.parse(one.url)) as client,
        Client(ServerAddress.parse(f"http://127.0.0.1:{hanging.getsockname()[1]}")) as other,
        ServerPool(client, other, pauses=pauses) as pool,
        ThreadPoolExecutor(1) as caller,
    ):
        for _ in range(2):
            asked = caller.submit(pool.object_info)
            assert asked.result(LONGEST_WAIT) == client.object_info()
        assert [server.up for server in pool.servers] == [True, False]


def test_a_server_that_hangs_after_its_return_is_marked_as_down() -> None:
    """The app notices it while it requests the server's nodes, which can take a minute."""
    pauses = CheckPauses(limit=0.3, up=0.1, recheck=0.05, away=0.1)
    with (
        DemoServer() as one,
        DemoServer() as other,
        pool_of(one.url, other.url, pauses=pauses) as pool,
        one.hold("GET /object_info") as asked,
    ):
        pool.servers[0].recheck(gone=True)
        assert asked.reached.wait(LONGEST_WAIT)
        with one.hold("GET /system_stats"):
            eventually(lambda: [one.up for one in pool.servers] == [False, True])


def test_shutdown_does_not_wait_for_a_hanging_server() -> None:
    """The server hangs while the app asks for its nodes, and the app no longer waits for the
    answer."""
    with (
        DemoServer() as one,
        DemoServer() as other,
        ThreadPoolExecutor() as program,
        one.hold("GET /object_info") as asked,
    ):

        def begin_and_end() -> None:
            with (
                Client(one.url) as client,
                Client(other.url) as second,
                ServerPool(client, second, pauses=OFTEN) as pool,
            ):
                pool.servers[0].recheck(gone=True)
                assert asked.reached.wait(LONGEST_WAIT)

        program.submit(begin_and_end).result(LONGEST_WAIT)


def test_a_drained_server_finishes_its_runs_and_gets_no_others() -> None:
    """A new run waits for the other server, even after the drained server is idle. Until the
    administrator takes the drained server back, wait estimates leave it out. Then it gets the
    waiting run at once."""
    with (
        DemoServer(step_seconds=0.02) as one,
        DemoServer(step_seconds=0.02) as other,
        pool_of(one.url, other.url) as pool,
        registry_with(pool) as runs,
    ):
        first, second = (runs.submit(job(LONG), Origin("me")) for _ in range(2))
        running(first)
        running(second)
        drained = pool.at(place_of(first))
        assert drained is not None
        pool.drain(drained)
        third = runs.submit(job(), Origin("me"))
        assert third.servers == second.servers
        assert not first.state.phase.finished
        first.cancel()
        end(first)
        fourth = runs.submit(job(), Origin("me"))
        assert third.waits_here
        assert fourth.waits_here
        pool.take_back(drained)
        assert end(third).phase is Phase.DONE
        assert place_of(third) == drained.url
        second.cancel()


def test_a_run_waits_for_the_one_server_that_can_do_it() -> None:
    """The pool doesn't hand the run to a server that would refuse it. A drained server gets no run
    even if it's the only server. The page says why the run waits."""
    needs = Needs(job().prompt)
    with DemoServer() as able, DemoServer(nodes=with_checkpoints(OTHER_MODEL)) as other:
        with pool_of(able.url, other.url) as pool:
            pool.drain(pool.servers[0])
            assert tuple(pool.candidates(needs)) == ()
            assert not pool.has_other(pool.servers[1], needs)
            pool.take_back(pool.servers[0])
            assert tuple(pool.candidates(needs)) == pool.servers[:1]
        with pool_of(able.url) as pool, registry_with(pool) as runs:
            pool.drain(pool.servers[0])
            run = runs.submit(job(), Origin("me"))
            assert run.waits_here
            eventually(lambda: run.state.held)
            line = queued_run(run.record, due_in=1, movable=True).page
            assert isinstance(line, QueueLine)
            assert headline(run.state, {}, 0, None) == line.said == "Waiting for ComfyUI"
            pool.take_back(pool.servers[0])
            assert end(run).phase is Phase.DONE
            assert not run.state.held
            first, later = (runs.submit(job(LONG), Origin("me")) for _ in range(2))
            running(first)
            pool.drain(pool.servers[0])
            eventually(lambda: later.state.held)
            assert not first.state.held
            pool.take_back(pool.servers[0])
            eventually(lambda: not later.state.held)
            for one in (later, first):
                one.cancel()


def test_a_server_frees_its_memory() -> None:
    """The server repeats work that it had done before, and the pool no longer prefers it for a
    model that it had."""
    again = job(seed=7)
    needs = Needs(again.prompt)
    with (
        DemoServer(step_seconds=0) as demo,
        pool_of(demo.url) as pool,
        registry_with(pool) as runs,
    ):
        (server,) = pool.servers
        first, kept = (file_of(runs.submit(again, Origin("me"))) for _ in range(2))
        assert server.familiarity(needs) == (1, len(again.prompt))
        server.free()
        assert server.familiarity(needs) == (0, 0)
        assert kept == first
        assert file_of(runs.submit(again, Origin("me"))) != first


def file_of(run: Run) -> str:
    """Return the file name of a run's result."""
    return end(run).files[0].filename
