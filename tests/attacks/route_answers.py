"""What every route answers: to whoever owns what its path names, to anybody else, and to nobody."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = (*SAFE, "POST", "PUT", "PATCH", "DELETE", "TRACE")


class Answers(NamedTuple):
    """Statuses for whoever owns what the path names, for anybody else, and without the login that
    is asked for. Where no login is asked for, a request without a cookie is anybody else's."""

    own: int
    foreign: int
    nobody: int


def people(status: int) -> Answers:
    """The same for everybody who may use the app."""
    return Answers(status, status, 401)


def everybody(status: int) -> Answers:
    """The same for everybody, before the login too."""
    return Answers(status, status, status)


OWNER = Answers(200, 404, 401)
NOTHING = people(404)
TOLD = {"GET": OWNER, "HEAD": Answers(405, 404, 401), "POST": people(405)}
READ = {"GET": everybody(200), "HEAD": everybody(405)}
GIVEN = {"GET": everybody(200), "HEAD": everybody(404)}
NEVER_GIVEN = dict.fromkeys(
    ("GET", "HEAD"), everybody(404)
)  # to anybody who asks for any other name
READ_BY_PEOPLE = {"GET": people(200), "HEAD": people(405)}
UNNAMED = {
    "GET": people(404),
    "HEAD": people(405),
}  # files of the page, none of which is called so


def rest(**answers: Answers) -> Mapping[str, Answers]:
    """The answers of a path of the API, which has a word for methods that it does not know."""
    return dict.fromkeys(METHODS, people(405)) | answers


NO_RUN = {"GET": people(404), "DELETE": people(404)}  # of that name
SENT_EMPTY = {"POST": people(400)}  # without what it asks for
OF_NO_BATCH = {"GET": people(404), "POST": people(404)}

# What is answered on each path. Any other method gets 404, and without the login 401.
# Gradio has most of its paths with a slash at the end too.
RULES: Mapping[str, Mapping[str, Answers]] = MappingProxyType(
    {
        "/files/{run_id}/all.zip": {"GET": OWNER},
        "/files/{run_id}/given/{index}": {"GET": people(404)},  # this run was given none
        "/files/{run_id}/given/{index}/unpainted": {"GET": people(404)},
        "/files/{run_id}/{index}/thumb": {"GET": OWNER},
        "/files/{run_id}/{index}/{name}": {"GET": OWNER},
        "/script/{version}/{name}": {},
        **dict.fromkeys(("/social-card.png", "/manifest.json", "/service_worker.js"), GIVEN),
        "/health": {"GET": everybody(200), "HEAD": everybody(200)},
        # comfy_runner's, whose config names no workflow.
        "/queue": {"GET": people(404)},
        **dict.fromkeys(("/update/text", "/update/image", "/generate/image"), SENT_EMPTY),
        "/interrupt": {"POST": people(200)},
        "/metrics": {"GET": people(404)},  # Ann is no operator
        "/operator": {
            "GET": Answers(404, 404, 200),  # the sign-in page
            "HEAD": everybody(404),
        },
        "/operator/tokens": {
            "GET": Answers(404, 404, 200),  # the sign-in page
            "HEAD": everybody(404),
        },
        "/operator/tokens/{token_id}/revoke": {"POST": people(404)},
        "/operator/runs/{run_id}/preview": {"GET": people(404)},
        "/operator/servers/{number}/{action}": {"POST": people(404)},
        "/history": {"GET": people(200)},
        "/history/favourites": {"POST": people(422)} | NO_RUN,
        "/history/delete": {"POST": people(422)} | NO_RUN,
        "/history/restore": {"POST": people(422)} | NO_RUN,
        "/files/chosen.zip": {"GET": people(422)},
        "/history/{run_id}": {"GET": OWNER},
        "/history/{run_id}/values": {"GET": OWNER},
        # Ann may not keep any.
        "/history/{run_id}/chain": {"GET": Answers(422, 404, 401), "POST": Answers(409, 404, 401)},
        "/history/{run_id}/chain/vary": {"POST": people(404)},  # it is of none
        # No workflow is called so.
        "/history/{run_id}/files/{index}/for/{name:path}": {"GET": people(404)},
        "/history/{run_id}/files/{index}/link": {
            "POST": OWNER,
            "DELETE": people(404),
        },  # not shared
        "/shared/{token}": {
            "GET": Answers(404, 404, 200),  # no such link; the sign-in page
            "HEAD": everybody(404),
        },
        "/shared/{token}/{name}": {"GET": people(404)},
        "/takers": {"GET": people(200)},
        "/presets": dict.fromkeys(("GET", "POST", "DELETE"), OWNER)  # of Ann's workflow
        | {"PATCH": Answers(409, 404, 401)},  # no preset is called so
        "/presets/values": {"GET": Answers(409, 404, 401)},  # no preset is called so
        "/batches": {"GET": people(200)},
        "/batches/{batch_id}": NO_RUN,
        "/batches/{batch_id}/rows": OF_NO_BATCH,
        "/batches/{batch_id}/rows/{index}/values": OF_NO_BATCH,
        "/batches/grid": NO_RUN | {"POST": people(409)},
        "/batches/{batch_id}/grid": OF_NO_BATCH,
        "/batches/{batch_id}/sheet.png": OF_NO_BATCH,
        "/batches/{batch_id}/sheet.html": OF_NO_BATCH,
        "/batches/{batch_id}/sheet.zip": OF_NO_BATCH,
        "/batches/{batch_id}/results.csv": OF_NO_BATCH,
        "/batches/{batch_id}/results.zip": OF_NO_BATCH,
        "/chains/{chain_id}/steps/{name}": {"GET": people(404)},
        "/runs/{run_id}/again": {"POST": OWNER},
        "/runs/{run_id}/move": {"POST": OWNER},
        "/workflows": {"GET": people(200), "POST": people(200)},
        "/workflows/{name:path}/cover": {"GET": people(404)},  # this workflow has none
        "/workflows/{name}": {"DELETE": OWNER},  # opened by Ann
        "/workflows/{name}/keep": {"POST": people(422)},
        **dict.fromkeys(
            ("/api/v1/health", "/api/v1/workflows", "/api/v1/openapi.json"),
            rest(GET=people(200)),
        ),
        # A browser gets the sign-in page.
        "/api/v1/docs": rest(GET=people(200), HEAD=everybody(405)),
        "/api/v1": dict.fromkeys(METHODS, NOTHING),
        "/api/v1/docs/{name}": rest(GET=people(404)),  # there is no such file
        "/api/v1/workflows/{name:path}": rest(GET=OWNER),  # of Ann's workflow
        "/api/v1/workflows/{name:path}/runs": rest(GET=people(404), POST=Answers(201, 404, 401)),
        "/api/v1/runs": rest(GET=people(200)),
        "/api/v1/runs/{run_id}": rest(GET=OWNER, DELETE=OWNER),
        "/api/v1/runs/{run_id}/stop": rest(POST=OWNER),
        "/api/v1/runs/{run_id}/events": rest(GET=OWNER),
        "/api/v1/runs/{run_id}/preview": rest(GET=people(404)),  # of a run that has ended
        "/api/v1/runs/{run_id}/files/{n}": rest(GET=OWNER, HEAD=OWNER),
        "/api/v1/workflows/{name:path}/batches/check": rest(POST=OWNER),
        "/api/v1/workflows/{name:path}/batches": rest(
            GET=people(404),
            POST=Answers(422, 404, 401),  # nothing varies
        ),
        "/api/v1/workflows/{name:path}/chains": rest(
            GET=people(404),
            POST=Answers(409, 404, 401),  # it is none
        ),
        **dict.fromkeys(("/api/v1/batches", "/api/v1/chains"), rest(GET=people(200))),
        **dict.fromkeys(
            ("/api/v1/batches/{batch_id}", "/api/v1/chains/{chain_id}"),
            rest(GET=people(404), DELETE=people(404)),  # none is called so
        ),
        **dict.fromkeys(
            ("/api/v1/batches/{batch_id}/events", "/api/v1/batches/{batch_id}/rows"),
            rest(GET=people(404), POST=people(422)),
        ),
        "/api/v1/batches/{batch_id}/{change}": rest(POST=people(422)),
        "/api/v1/chains/{chain_id}/events": rest(GET=people(404)),
        "/api/v1/chains/{chain_id}/stop": rest(POST=people(404)),
        "/api/v1/chains/{chain_id}/continue": rest(POST=people(404)),
        "/api/v1/uploads": rest(POST=Answers(201, 201, 401)),
        # No question, and no session.
        "/mcp": dict.fromkeys(("GET", "HEAD"), people(405))
        | dict.fromkeys(("POST", "DELETE"), people(400)),
        "/gradio_api/upload": {"POST": people(200)},
        "/gradio_api/upload_progress": {"GET": people(200)},
        "/": {"GET": everybody(200), "HEAD": everybody(200)},
        "/config": READ_BY_PEOPLE,
        **dict.fromkeys(("/favicon.ico", "/robots.txt"), READ),
        "/theme.css": READ_BY_PEOPLE,
        "/icons/{name}": NEVER_GIVEN,
        "/languages/{version}/{name}": NEVER_GIVEN,
        "/language": dict.fromkeys(METHODS, NOTHING) | {"POST": everybody(422)},
        "/static/{path:path}": UNNAMED,
        "/assets/{name}": UNNAMED,
        "/assets/{path:path}": UNNAMED,  # Gradio's, behind it
        "/svelte/{path:path}": UNNAMED,
        "/login": {
            "GET": Answers(303, 303, 401),
            "HEAD": everybody(404),
            "POST": everybody(422),
        },
        "/join/{token}": {
            "GET": Answers(303, 303, 404),  # no such link; to whoever is in, the app
            "HEAD": everybody(404),
        },
        "/account": GIVEN,  # the sign-in page
        "/account/tokens": {"POST": people(422)},  # without a name
        "/account/tokens/{token_id}/revoke": {"POST": people(303)},
        "/gradio_api/app_id": READ_BY_PEOPLE,
        "/gradio_api/user": READ_BY_PEOPLE,
        "/gradio_api/login_check": READ_BY_PEOPLE,
        "/gradio_api/info": READ_BY_PEOPLE,
        "/gradio_api/openapi.json": READ_BY_PEOPLE,
        "/gradio_api/file={place:path}": {"GET": OWNER, "HEAD": OWNER},
        "/gradio_api/file={path_or_url:path}": {"GET": OWNER, "HEAD": OWNER},  # Gradio's, behind it
        "/gradio_api/queue/join": {"POST": people(200)},
        "/gradio_api/queue/data": {},
        "/gradio_api/cancel": {"POST": OWNER},
        "/gradio_api/reset": {"POST": OWNER},
        "/gradio_api/run/{api_name}": {"POST": people(422)},
        "/gradio_api/call/{api_name}": {"POST": people(200)},
        "/gradio_api/call/{api_name}/{event_id}": TOLD,
        "/gradio_api/call/v2/{api_name}": {"POST": people(200)},
        "/gradio_api/call/v2/{api_name}/{event_id}": TOLD,
        # The same below one more path, for named endpoints.
        **dict.fromkeys(
            ("/endpoints/config", "/endpoints/gradio_api/info"),
            dict.fromkeys(("GET", "HEAD"), people(200)),
        ),
        "/endpoints/gradio_api/queue/join": {"POST": people(200)},
        "/endpoints/gradio_api/queue/data": {},
        "/endpoints/gradio_api/cancel": {"POST": OWNER},
        "/endpoints/gradio_api/reset": {"POST": OWNER},
        "/endpoints/gradio_api/call/{name}": {"POST": people(200)},
        "/endpoints/gradio_api/call/{name}/{call}": TOLD | {"POST": people(404)},
        "/endpoints/gradio_api/call/v2/{name}": {"POST": people(200)},
        "/endpoints/gradio_api/call/v2/{name}/{call}": TOLD | {"POST": people(404)},
        "/endpoints/gradio_api/upload": {"POST": people(200)},
        "/endpoints/gradio_api/upload_progress": {"GET": people(200)},
        "/endpoints/gradio_api/file={place:path}": {"GET": OWNER, "HEAD": OWNER},
        "/endpoints/login": {"POST": everybody(422)},
    }
)
# All that is told without the login: the sign-in page, what it needs, links that lead to it, and
# what browsers and chats read of any site.
OPEN = frozenset(
    {
        *(
            "/",
            "/account",
            "/operator",
            "/operator/tokens",
            "/health",
            "/login",
            "/api/v1/docs",
            "/endpoints/login",
            "/language",
            "/shared/{token}",
            "/join/{token}",
        ),
        *("/icons/{name}", "/languages/{version}/{name}"),
        *("/favicon.ico", "/robots.txt", "/social-card.png"),
        *("/manifest.json", "/service_worker.js"),
    }
)
# What Gradio brings and nobody needs: as unknown as what never was.
UNUSED = """
/openapi.json /pwa_icon /pwa_icon/{size} /monitoring /monitoring/summary /monitoring/{key}
/gradio_api/deep_link /gradio_api/token /gradio_api/dev/reload /gradio_api/runs /gradio_api/api/{api_name}
/gradio_api/custom_component/{id}/{environment}/{type}/{file_name} /gradio_api/proxy={url_path:path}
/gradio_api/stream/{event_id} /gradio_api/stream/{event_id}/close /gradio_api/file/{path:path}
/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8 /gradio_api/heartbeat/{session_hash}
/gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext} /gradio_api/component_server
/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file /gradio_api/queue/status
/gradio_api/startup-events /gradio_api/theme.css /gradio_api/process_recording /gradio_api/vibe-edit
/gradio_api/undo-vibe-edit /gradio_api/vibe-code /gradio_api/vibe-starter-queries
"""
SHUT = frozenset(UNUSED.split())
# These end what the others need: they have tests of their own.
LOGOUT = frozenset({"/logout", "/logout/everywhere"})
# Where an OpenID provider is named only: `tests/ui/accounts/test_openid.py` asks them.
WITH_PROVIDER = frozenset({"/login/openid", "/login/openid/callback"})
GUESSED = ("/login/", "POST")  # the same as without the slash; whoever tries more often has to wait
PAGE_SOCKETS = frozenset({"/live/{run_id}", "/news"})
WAITING = "/live/next/{key}"  # says nothing until its page has started a run
SOCKETS = PAGE_SOCKETS | {"/api/v1/relay", "/ws", WAITING}
