"""One app that has started, answered and ended, in whatever process imports this: what a first start
imports, compiles and keeps is there for the forks of that process."""

from __future__ import annotations

import gc

import requests

from tests.support.serving import running_demo_app
from tests.support.waiting import LONGEST_WAIT

with running_demo_app() as (_, app):
    requests.get(app.url, timeout=LONGEST_WAIT, headers={"Connection": "close"})
gc.freeze()  # a fork that looks for garbage would copy the memory of all this
