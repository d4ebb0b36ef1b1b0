"""Start, use and stop one app in the importing process, so that its forks find imports and caches
ready."""

from __future__ import annotations

import gc

import requests

from tests.support.serving import running_demo_app
from tests.support.waiting import LONGEST_WAIT

with running_demo_app() as (_, app):
    requests.get(app.url, timeout=LONGEST_WAIT, headers={"Connection": "close"})
gc.freeze()  # a fork that looks for garbage would copy the memory of all this
