"""Expected answers of every route: to the owner of the data in its path, to another user, and to a
request without a sign-in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tests.attacks.parts import attacked_parts
from ui.web.access import Access, DeclaredRoute
from ui.web.responses import API

SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = (*SAFE, "POST", "PUT", "PATCH", "DELETE", "TRACE")
SEE_OTHER = 303
SUCCESS = 200  # unless the route declares another status, or it is in DONE


class Answers(NamedTuple):
    """Statuses for the owner of the data in the path, for another user, and for a request without
    the required sign-in. If the app requires no sign-in, a request without a cookie counts as
    another user's."""

    own: int
    foreign: int
    nobody: int


def users(status: int) -> Answers:
    """Return the same answer for all users."""
    return Answers(status, status, 401)


def everyone(status: int) -> Answers:
    """Return the same answer for everyone, even before the sign-in."""
    return Answers(status, status, status)


EDITOR_PARTS = (
    "editor",
    *(f"editor/{part}" for part in ("cover", "draft", "undo", "revert", "history", "file")),
    "editor/history/{version_id}",
)
EDITOR_ROUTES = ("GET editor", "DELETE editor/draft", "GET editor/history", "GET editor/file")
# Pages that show a sign-in first, and 404 to users who are no administrators.
OF_ADMINISTRATORS = (
    "/operator",
    *(f"/operator/{name}" for name in ("activity", "missing", "people", "tokens", "usage")),
    "/operator/servers/{number}/log",
)

# The owner's answers to requests that the walk can't complete, with the reasons.
OF_MODEL_FILES = tuple(
    f"{API}/workflows/{{name:path}}/models{part}"
    for part in ("", "/base-models", "/details", "/preview")
)
REFUSED: Mapping[str, int] = MappingProxyType(
    {
        # Ann has nothing of this kind or name.
        **dict.fromkeys(
            (
                "GET /files/{run_id}/given/{index}",
                "GET /files/{run_id}/given/{index}/unpainted",
                f"GET {API}/runs/{{run_id}}/files/{{n}}/for/{{name:path}}",
                f"GET {API}/workflows/{{name:path}}/editor/file",
                f"POST {API}/workflows/{{name:path}}/editor/history/{{version_id}}",
                f"GET {API}/shared/{{token}}/{{n}}/values",
                "GET /shared/{token}",
                "GET /shared/{token}/all.zip",
                "GET /shared/{token}/{n}/{name}",
                "GET /page/covers/{name:path}",
                "GET /script/{version}/{name}",
                "GET /pages/{version}/{name}",
                "GET /assets/{name}",
                "GET /typeface/{name}",
                "GET /icons/{name}",
                "GET /languages/{version}/{name}",
                f"GET {API}",
                f"GET {API}/docs/{{name}}",
                f"GET {API}/runs/{{run_id}}/preview",
                f"GET {API}/templates/{{template_id:path}}/thumb",
                f"POST {API}/templates/{{template_id:path}}",
            ),
            404,
        ),
        # Ann is no administrator.
        **dict.fromkeys((f"GET {path}" for path in OF_ADMINISTRATORS), 404),
        **dict.fromkeys(
            (
                "POST /login",
                "POST /language",
                "POST /account/tokens",
                "POST /account/password",
                "POST /account/key",
                f"POST {API}/workflows/{{name:path}}/batches",  # nothing varies
            ),
            422,
        ),
        # Ann may not do it, or not with this.
        f"GET {API}/runs/{{run_id}}/chain": 422,
        **dict.fromkeys(
            (
                f"POST {API}/runs/{{run_id}}/chain",
                f"POST {API}/grids/opened",
                f"PATCH {API}/presets",
                f"DELETE {API}/presets",
                f"GET {API}/presets/values",
                f"POST {API}/workflows/{{name:path}}/chains",
                f"PUT {API}/workflows/{{name:path}}/editor/cover",
                f"POST {API}/workflows/{{name:path}}/missing-models/request",  # none is missing
            ),
            409,
        ),
        **{
            request: status for part in attacked_parts() for request, status in part.refused.items()
        },
    }
)
# The status of a request that was done, where the route declares none.
DONE: Mapping[str, int] = MappingProxyType(
    {"POST /account/tokens/{token_id}/revoke": SEE_OTHER, "POST /account/key/remove": SEE_OTHER}
)
# Answers that follow from no rule.
SPECIAL: Mapping[str, Answers] = MappingProxyType(
    {
        # Scripts get 401; browsers get the sign-in page.
        "GET /login": users(SEE_OTHER),
        f"GET {API}/docs": users(SUCCESS),
        f"POST {API}/workflows/{{name:path}}/keep": users(
            422
        ),  # Ann may not keep any, which is checked first
        "GET /join/{token}": Answers(SEE_OTHER, SEE_OTHER, 404),  # no such link
        "HEAD /assets/{name}": users(405),  # Gradio's route has the same paths
        # They open a template of this name.
        f"POST {API}/templates/readiness": users(404),
        f"POST {API}/templates/{{template_id:path}}/thumb": users(404),
        # Others of the API's paths, which end in the same way.
        **dict.fromkeys(
            (
                f"{method} {API}/workflows/{{name:path}}/{part}"
                for method in ("GET", "DELETE")
                for part in ("runs", "batches", "batches/check", "chains", "keep", *EDITOR_PARTS)
                if f"{method} {part}" not in EDITOR_ROUTES
            ),
            users(404),
        ),
        **dict.fromkeys(
            (
                f"{method} {API}/admin/people/{{name:path}}/password"
                for method in ("PATCH", "DELETE")
            ),
            users(404),
        ),
        **dict.fromkeys(
            (
                f"DELETE {API}/workflows/{{name:path}}/missing-models",
                *(
                    f"{method} {API}/workflows/{{name:path}}/missing-models/request"
                    for method in ("GET", "DELETE")
                ),
            ),
            users(404),
        ),
        # They need the key of a field.
        **dict.fromkeys((f"GET {path}" for path in OF_MODEL_FILES), users(422)),
        **dict.fromkeys((f"DELETE {path}" for path in OF_MODEL_FILES), users(404)),
        **{
            request: Answers(*statuses)
            for part in attacked_parts()
            for request, statuses in part.special.items()
        },
    }
)
# Beginnings of paths that only the owner of their data sees.
HIDDEN = tuple(part.hidden for part in attacked_parts())
# Beginnings of paths that exist at another host name only.
ELSEWHERE = tuple(part.elsewhere for part in attacked_parts())


def answers(rules: Iterable[DeclaredRoute], path: str, method: str) -> Answers | None:
    """Return the answers that the declared routes' rules require, or None for another path."""
    here = [rule for rule in rules if bare(rule.path) == path]
    if not here:
        return None
    request = f"{method} {path}"
    if request in SPECIAL:
        return SPECIAL[request]
    for rule in here:
        if method in rule.methods or (rule.is_plain and method == "HEAD" and "GET" in rule.methods):
            done = DONE.get(request, rule.options.get("status_code", SUCCESS))
            own = REFUSED.get(request, done)
            if path.startswith(HIDDEN) and own != 422:
                return Answers(own, 404, 404 if rule.access is Access.PUBLIC else 401)
            return _answers_of(rule.access, own)
    if any(rule.is_plain and not rule.methods for rule in here):
        return users(REFUSED[f"GET {path}"])
    unknown = 405 if path.startswith(f"{API}/") else 404
    is_open = any(_is_open(rule) and "GET" in rule.methods for rule in here)
    return everyone(unknown) if is_open and method == "HEAD" else users(unknown)


def _answers_of(access: Access, own: int) -> Answers:
    match access:
        case Access.PUBLIC:
            return everyone(own)
        case Access.SIGN_IN_PAGE:
            return Answers(own, own, SUCCESS)
        case Access.SIGNED_IN | Access.FILE:
            return users(own)
        case Access.OWNER | Access.OWN_FILE:
            return Answers(own, 404, 401)
        case Access.ADMINISTRATOR:  # Ann is not an administrator
            return users(404)


def _is_open(rule: DeclaredRoute) -> bool:
    return rule.access in (Access.PUBLIC, Access.SIGN_IN_PAGE)


def open_paths(rules: Iterable[DeclaredRoute]) -> set[str]:
    """Return the paths of declared routes that need no sign-in."""
    return {bare(rule.path) for rule in rules if _is_open(rule)}


def bare(path: str) -> str:
    """Return a path without its trailing slash."""
    return path.rstrip("/") or "/"


OWNER = Answers(SUCCESS, 404, 401)
NOTHING = users(404)
TOLD = {"GET": OWNER, "HEAD": Answers(405, 404, 401), "POST": users(405)}
READ = {"GET": everyone(SUCCESS), "HEAD": everyone(405)}
READ_BY_USERS = {"GET": users(SUCCESS), "HEAD": users(405)}
UNNAMED = {"GET": users(404), "HEAD": users(405)}  # the page has no file of that name
# Gradio's own routes. Any other method gets 404, and without the login 401. Gradio has most of its
# paths with a slash at the end too.
GRADIO: Mapping[str, Mapping[str, Answers]] = MappingProxyType(
    {
        "/": {"GET": everyone(SUCCESS), "HEAD": everyone(SUCCESS)},
        **dict.fromkeys(("/favicon.ico", "/robots.txt"), READ),
        "/theme.css": READ_BY_USERS,
        "/static/{path:path}": UNNAMED,
        "/assets/{path:path}": UNNAMED,
        "/svelte/{path:path}": UNNAMED,
        "/gradio_api/app_id": READ_BY_USERS,
        "/gradio_api/user": READ_BY_USERS,
        "/gradio_api/login_check": READ_BY_USERS,
        "/gradio_api/openapi.json": READ_BY_USERS,
        "/gradio_api/file={path_or_url:path}": {"GET": OWNER, "HEAD": OWNER},
        # A plugin may answer the next five.
        **dict.fromkeys(("/config", "/gradio_api/info"), READ_BY_USERS),
        "/gradio_api/queue/join": {"POST": users(422)},
        "/gradio_api/call/{api_name}": {"POST": users(422)},
        "/gradio_api/call/v2/{api_name}": {"POST": users(422)},
        "/gradio_api/queue/data": {},
        "/gradio_api/cancel": {"POST": OWNER},
        "/gradio_api/reset": {"POST": OWNER},
        "/gradio_api/run/{api_name}": {"POST": users(422)},
        "/gradio_api/call/{api_name}/{event_id}": TOLD,
        "/gradio_api/call/v2/{api_name}/{event_id}": TOLD,
    }
)
# Every route that needs no sign-in, repeated here so that no rule opens a route by mistake.
OPEN = frozenset(
    {
        *("/", "/account", "/health", "/login", "/api/v1/docs", *OF_ADMINISTRATORS),
        *("/language", "/shared/{token}", "/join/{token}"),
        *("/icons/{name}", "/languages/{version}/{name}", "/pages/{version}/{name}"),
        *("/favicon.ico", "/robots.txt", "/social-card.png", "/embed.js", "/typeface/{name}"),
        *("/manifest.json", "/service_worker.js"),
        *(path for part in attacked_parts() for path in part.opened),
    }
)
# Routes of Gradio's that this app does not use: as unknown as any other path.
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
# Only with an OpenID provider. `tests/ui/accounts/test_openid.py` asks them.
WITH_PROVIDER = frozenset({"/login/openid", "/login/openid/callback"})
GUESSED = ("/login/", "POST")  # as without the slash; another attempt would have to wait
WAITING = "/live/next/{key}"  # says nothing until its page has started a run
