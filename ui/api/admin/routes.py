"""All routes for administrators."""

from __future__ import annotations

from collections.abc import Iterator

from ui.administration.desk import Administration
from ui.api.admin.downloads import downloads_api
from ui.api.admin.overview import overview_api
from ui.api.admin.people import people_api
from ui.api.admin.servers import servers_api
from ui.web.access import GuardedRoutes


def admin_api(desk: Administration) -> Iterator[GuardedRoutes]:
    """Return the routes below `/admin`."""
    yield people_api(desk)
    yield servers_api(desk)
    yield overview_api(desk)
    yield downloads_api(desk)
