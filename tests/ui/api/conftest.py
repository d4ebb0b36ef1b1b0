"""What tests of the API have in common: the app that those of the page's routes have."""

from __future__ import annotations

from tests.ui.routes.conftest import app as app
from tests.ui.routes.conftest import running as running
from tests.ui.routes.conftest import served as served
