"""Decisions which servers to start and to stop."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from comfy.comfyui.client.address import ServerAddress
from comfyforms.plugins.scaling.rules import (
    Pace,
    Scale,
    ScaleDecision,
    ScaledServer,
    ScaleMemory,
    decide,
    remembered,
)

CLOUD = Scale("cloud", ("up",), ("down",), ServerAddress.parse, 30.0, 600.0, most=3)
SPOT = replace(CLOUD, name="spot", spot=True)
PACE = Pace()
SERVER = ScaledServer("cloud-1", "cloud")


class Looks:
    """Successive looks at the same servers and runs."""

    def __init__(self, *scales: Scale) -> None:
        self.scales = scales
        self.memory = ScaleMemory()

    def look(
        self,
        now: float,
        servers: Sequence[ScaledServer] = (),
        waiting: Collection[str] = (),
        failing: Collection[str] = (),
    ) -> ScaleDecision:
        self.memory = remembered(self.memory, self.scales, servers, waiting, PACE, now)
        return decide(self.memory, self.scales, servers, failing, PACE, now)


def test_starts_servers_for_runs_that_wait_too_long() -> None:
    """Each run gets a server, up to the maximum. Servers that are being started count."""
    looks = Looks(CLOUD)
    assert looks.look(0, waiting=["a", "b"]).starts == {}
    assert looks.look(29.9, waiting=["a", "b"]).starts == {}
    assert looks.look(30, waiting=["a", "b", "c"]).starts == {"cloud": 2}
    coming = [replace(SERVER, id=one, coming=True) for one in ("cloud-1", "cloud-2")]
    assert looks.look(31, coming, ["a", "b", "c"]).starts == {}
    assert looks.look(61, coming, ["a", "b", "c"]).starts == {"cloud": 1}
    assert looks.look(61, coming, ["a", "b", "c"], failing=["cloud"]).starts == {}
    busy = [replace(SERVER, id=str(number), runs=1) for number in range(3)]
    assert looks.look(200, busy, ["a", "b", "c"]).starts == {}


def test_earlier_waiting_does_not_count() -> None:
    """Only the time without a server counts."""
    looks = Looks(CLOUD)
    looks.look(0, waiting=["a"])
    looks.look(20)
    assert looks.look(31, waiting=["a"]).starts == {}


def test_a_server_with_a_limit_of_several_helps_several_runs() -> None:
    looks = Looks(replace(CLOUD, limit=2))
    looks.look(0, waiting=["a", "b", "c"])
    assert looks.look(30, waiting=["a", "b", "c"]).starts == {"cloud": 2}
    assert looks.look(30, [SERVER], ["a", "b", "c"]).starts == {"cloud": 1}
    assert looks.look(30, [replace(SERVER, runs=1)], ["a"]).starts == {}


def test_runs_that_a_server_cannot_do_start_no_others() -> None:
    """A run that waits although a server has room needs something else, also after that server was
    stopped. Others start servers as before."""
    looks = Looks(CLOUD)
    looks.look(0, [SERVER], ["a"])
    assert looks.look(40, [SERVER], ["a"]).starts == {}
    assert looks.look(50, [], ["a", "b"]).starts == {}
    assert looks.look(90, [], ["a", "b"]).starts == {"cloud": 1}


def test_the_next_scale_helps_runs_that_the_first_cannot() -> None:
    """Because it is at its maximum, fails, or hasn't what they need."""
    looks = Looks(replace(CLOUD, most=1), SPOT)
    looks.look(0, waiting=["a", "b"])
    assert looks.look(30, waiting=["a", "b"]).starts == {"cloud": 1, "spot": 1}
    assert looks.look(30, waiting=["a", "b"], failing=["cloud"]).starts == {"spot": 2}
    looks.look(40, [SERVER], ["a"])
    looks.look(51, [SERVER], ["a"])
    assert looks.look(90, [], ["a"]).starts == {"spot": 1}


def test_stops_idle_servers() -> None:
    """Time without a run counts, from the start or the last run."""
    looks = Looks(CLOUD)
    assert looks.look(0, [SERVER]).stops == ()
    looks.look(500, [replace(SERVER, runs=1)])
    looks.look(501, [SERVER])
    assert looks.look(1100, [SERVER]).stops == ()
    assert looks.look(1101, [SERVER]).stops == ("cloud-1",)
    assert looks.look(1101, [replace(SERVER, taking=False)]).stops == ()


def test_a_server_that_a_run_waits_for_is_not_idle() -> None:
    """A run that can't use it keeps no server."""
    looks = Looks(replace(CLOUD, idle=0))
    assert looks.look(0, [SERVER], ["a"]).stops == ()
    assert looks.look(1, [replace(SERVER, runs=1)]).stops == ()
    assert looks.look(2, [SERVER], ["b"]).stops == ()
    assert looks.look(2 + PACE.unsuited, [SERVER], ["b"]).stops == ("cloud-1",)


def test_stops_servers_that_have_vanished() -> None:
    """A spot server counts as gone sooner."""
    spot = ScaledServer("spot-1", "spot", answers=False, runs=1)
    gone = replace(SERVER, answers=False, runs=1)
    looks = Looks(CLOUD, SPOT)
    assert looks.look(0, [gone, spot]).stops == ()
    assert looks.look(15, [gone, spot]).stops == ("spot-1",)
    assert looks.look(120, [gone]).stops == ("cloud-1",)


def test_pauses_grow_after_failures() -> None:
    assert [PACE.after_failures(count) for count in (1, 2, 3, 50)] == [30, 60, 120, 1800]
