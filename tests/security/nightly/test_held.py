"""What an audit tried and what held, so that it goes on holding, where no other file tests it."""

from __future__ import annotations

from tests.attacks.people import ANN, LOGIN, browser, person
from tests.security.test_held import ask
from tests.support.serving import running_app, running_demo_app


def test_two_apps_on_one_server_keep_their_people_apart() -> None:
    """The same id, and the same name of a login, are nothing on another app, though one ComfyUI has
    made it all."""
    with (
        running_demo_app(step_seconds=0, settings=LOGIN) as (demo, app),
        running_app(demo.url, settings=LOGIN) as other,
    ):
        ann, elsewhere = person(app, ANN), browser(other, ANN)
        for path in ("/history/{}", "/history/{}/values", "/files/{}/all.zip", "/files/{}/0/a.png"):
            assert ask(app, "GET", path.format(ann.owned.run), ann.cookie).status_code == 200
            assert ask(other, "GET", path.format(ann.owned.run), elsewhere).status_code == 404
        assert ask(other, "GET", "/history", ann.cookie).status_code == 401
