"""ComfyUI servers that an administrator drains, and memory that they free."""

from __future__ import annotations

from comfy.comfyui.protocol.run_state import Phase
from comfy.comfyui.servers.needs import Needs
from comfy.demo import DemoServer
from comfy.runs.interface import Origin, Run
from tests.comfyui.servers.test_pool import (
    OTHER_MODEL,
    place_of,
    pool_of,
    registry_with,
    with_checkpoints,
)
from tests.runs.registry import end, running
from tests.support.sampler import LONG, job
from tests.support.waiting import eventually
from ui.documents.headlines import headline
from ui.documents.page_runs import queued_run
from ui.documents.run_doc import QueueLine


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
