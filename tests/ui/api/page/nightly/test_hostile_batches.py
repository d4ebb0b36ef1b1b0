"""A hostile batch gets an error or starts completely, but never in part."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor, wait
from types import FrameType

from comfy.batches.check import problems_of_batch
from tests.support.serving import RunningApp
from tests.ui.api.page.test_hostile_batches import check
from ui.web.limits import WebLimits


def being_checked() -> int:
    def is_checking(frame: FrameType | None) -> bool:
        return frame is not None and (
            frame.f_code is problems_of_batch.__code__ or is_checking(frame.f_back)
        )

    return sum(map(is_checking, sys._current_frames().values()))


def test_many_checks_delay_their_own_caller(app: RunningApp) -> None:
    """The app checks two calls of the same user at a time, as with a page's calls, and answers all
    of them. It refuses a batch with too many rows before it checks the values."""
    many = "{" + "|".join(map(str, range(4000))) + "}"
    body = {"axes": [{"field": "2.text", "text": many}]}
    most = 0
    with ThreadPoolExecutor(12) as people:
        answers = [people.submit(check, app, body) for _ in range(12)]
        while wait(answers, timeout=0.005).not_done:
            most = max(most, being_checked())
    assert [one.result().json()["rows"] for one in answers] == [4000] * 12
    assert most <= WebLimits().person_working
    axes = [{"field": "5.steps", "text": "0..5000"}, {"field": "5.seed", "text": "1..9"}]
    told = check(app, {"axes": axes}).json()
    assert [one["message"] for one in told["problems"]] == ["A batch can have at most 10000 rows."]
