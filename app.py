"""ComfyForms: opens any ComfyUI workflow as a web form. Settings, wiring, launch."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from comfy.local_comfyui.install_node import install_node
from comfyforms.plugin_manager import PluginTable, contributed_rows, installed_plugins
from ui.accounts.commands import change_tokens, change_users
from ui.backup import back_up, restore
from ui.settings.arguments import USAGE_ERROR, read_settings
from ui.settings.folders import ON_A_SPACE, SHIPPED_WORKFLOWS, with_shipped_workflows
from ui.settings.listening import port_problem
from ui.settings.logs import LogLimit, log_formatter, log_held
from ui.settings.options import Settings

if TYPE_CHECKING:
    from comfy.base.user_groups import GroupOf
    from comfy.comfyui.discovery import ChosenServers
    from comfy.comfyui.servers.pool import ServerPool
    from comfy.downloads import DownloadSettings
    from comfy.launch.payment import Payment
    from comfy.local_comfyui.supervisor import LocalComfyUI
    from comfy.records.store import RunStore
    from comfy.runs.interface import RunRegistry
    from comfy.webhooks.waiting import WebhookSettings
    from comfyforms.hooks import SharedRuns
    from ui.accounts.login import SignInSettings
    from ui.accounts.openid_store import OpenIDPeople
    from ui.accounts.users import UsersFile
    from ui.settings.web_settings import WebSettings

log = logging.getLogger("comfyforms")

_COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = PluginTable(
    {
        "user": change_users,
        "token": change_tokens,
        "backup": back_up,
        "restore": restore,
        "install-node": install_node,
    },
    lambda: contributed_rows("commands"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP; then end every run on the server. After the name of a
    command in `_COMMANDS`, pass the other arguments to it. Return the exit code."""
    logging.basicConfig(level=logging.INFO)
    handlers = tuple(logging.getLogger().handlers)
    for handler in handlers:
        handler.setFormatter(log_formatter())
    arguments = sys.argv[1:] if arguments is None else arguments
    if command := _COMMANDS.get(arguments[0] if arguments else ""):
        return command(arguments[1:])
    with log_held():
        settings = read_settings(arguments)
        for handler in handlers:
            handler.setFormatter(log_formatter(settings.log_format))
            handler.addFilter(LogLimit())
    signals: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        signals.append(number)  # Python drops exceptions raised inside a destructor
        sys.exit(0)

    for number in (signal.SIGINT, signal.SIGTERM):  # until the web server handles them itself
        signal.signal(number, end)
    if (
        hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
    ):  # set by nohup
        signal.signal(signal.SIGHUP, _terminal_closed)
    if refusal := port_problem(settings.host, settings.port):
        log.error(refusal)
        return 1
    gc.disable()  # saves half a second: most objects stay until the end, see `ui.server.serve`
    try:
        return _start(settings, lambda: bool(signals))
    finally:
        gc.enable()


def _start(settings: Settings, stop_requested: Callable[[], bool]) -> int:
    """Open the history and the folders, then run the app. Return the exit code."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    # Each import takes time, Gradio's takes seconds, and --help needs none of them.
    from comfy.base.errors import ComfyError
    from comfy.base.files import TEMPORARY, temporary_folder
    from comfy.records.blobs import BlobStore, HistoryLimits
    from comfy.records.database import sqlite_address
    from comfy.records.store import RunStore
    from ui.web.cookies import kept_secret

    data = settings.data.absolute()
    database = settings.database.get_secret_value() if settings.database else sqlite_address(data)
    shared: SharedRuns | None = installed_plugins().hook.shared_runs(settings=settings)
    try:
        most = int(settings.keep_gb * 1e9) - stand_in_room(settings)
        limits = HistoryLimits(settings.keep_days, most)
        kept = BlobStore(data, shared=shared is not None)
        secret = kept_secret(data)
        history = RunStore(database, kept, limits)
    except ComfyError as problem:
        log.error("%s %s", problem, problem.hint)  # noqa: TRY400 - a sentence for the operator, no fault to trace
        return 1
    with (
        contextlib.closing(history),
        temporary_folder(data / TEMPORARY, clean=history.files.ours) as temporary,
    ):
        # Gradio's files and uploads are deleted with the app, and aren't in /tmp, which may be in
        # memory.
        os.environ["GRADIO_TEMP_DIR"] = tempfile.tempdir = str(temporary)
        files = data / "uploads"  # open forms find their files again after a restart
        files.mkdir(exist_ok=True, mode=0o700)
        try:
            return run(settings, shared, history, files, secret, stop_requested)
        except ComfyError as problem:
            log.error("%s %s", problem, problem.hint)  # noqa: TRY400 - a sentence for the operator, no fault to trace
            return USAGE_ERROR
        except ImportError as problem:
            if not (problem.name or "").startswith("gradio"):
                raise
            log.error("%s. Install the Gradio version that docs/constraints.txt names.", problem)  # noqa: TRY400 - as above
            return USAGE_ERROR


def stand_in_room(settings: Settings) -> int:
    """Return how many bytes of `keep_gb` the built-in stand-in may use: 0 if the settings name a
    server. Raises ComfyError."""
    from comfy.comfyui.discovery import STAND_IN_BYTES

    is_named = settings.server_addresses or settings.local_servers
    return 0 if is_named else min(STAND_IN_BYTES, int(settings.keep_gb * 1e9) // 4)


def _terminal_closed(number: int, frame: FrameType | None) -> None:
    """Shut down as on SIGTERM."""
    log.info("The terminal was closed.")
    signal.raise_signal(signal.SIGTERM)


def run(
    settings: Settings,
    shared: SharedRuns | None,
    history: RunStore,
    files: Path,
    secret: bytes,
    stop_requested: Callable[[], bool],
) -> int:
    """Wire the parts together, serve, and return the exit code. `shared`: the runs of several
    processes; None if this is the only one. `files`: the folder for users' files;
    `stop_requested`: as for `ui.server.serve`. Raises ComfyError for a setting that can't be
    used."""
    from comfy.library.folder import WorkflowFolder
    from comfy.library.private import PrivateWorkflows
    from comfy.media.checks import MIB
    from ui.accounts.login import opened_people, opened_users, sign_in_address
    from ui.server import serve
    from ui.services import OptionalParts, wire
    from ui.settings.web_settings import permissions_of
    from ui.web.limits import WebLimits

    others = settings.pairs or settings.openid or settings.user_header
    users = opened_users(settings.users_path, asked=settings.users is not None, others=bool(others))
    database = settings.database.get_secret_value() if settings.database else ""
    sign_ins = sign_in_address(database, settings.data.absolute())
    with (
        opened_people(settings.openid, sign_ins) as openid,
        _opened_servers(settings) as (named, servers, local),
    ):
        permissions = permissions_of(settings, users, openid)
        payment = _payment(settings, history, permissions.group)
        runs = (
            shared.registry(servers, history, payment)
            if shared
            else _registry(settings, servers, history, payment)
        )
        services = wire(
            servers,
            runs,
            history.files,
            WorkflowFolder(with_shipped_workflows(settings.workflows)),
            files,
            permissions=permissions,
            secret=secret,
            demo=named.stand_in,
            opened=PrivateWorkflows(history.state.opened, settings.keep_days),
            limits=WebLimits.with_files_of(settings.upload_mb * MIB),
            parts=OptionalParts(
                _webhook_settings(settings),
                _download_settings(settings, [one.address.url for one in local]),
                payment,
                {one.address.url: one for one in local},
            ),
        )
        for one in local:
            one.start(servers)
        log.info("Runs go to %s.", named)
        sign_in = _sign_in_of(settings, users, openid, sign_ins)
        pages = shared is None or shared.serves_pages
        return serve(services, web_settings(settings, sign_in, pages=pages), stop_requested)


@contextlib.contextmanager
def _opened_servers(
    settings: Settings,
) -> Iterator[tuple[ChosenServers, ServerPool, Sequence[LocalComfyUI]]]:
    """Yield the servers of the settings, and the ComfyUIs among them that the app starts."""
    from comfy.comfyui.discovery import choose_servers, opened_servers

    with (
        _local_servers(settings) as local,
        choose_servers(
            [*settings.server_addresses, *(one.address for one in local)],
            SHIPPED_WORKFLOWS,
            stand_in_room(settings),
        ) as named,
        opened_servers(
            named.addresses,
            shown=settings.only_this_machine,
            limits=settings.server_limits
            | {one.address.url: one.limit for one in local if one.limit},
        ) as servers,
    ):
        yield named, servers, local


@contextlib.contextmanager
def _local_servers(settings: Settings) -> Iterator[Sequence[LocalComfyUI]]:
    """Yield the ComfyUIs that the app starts, which end with the block. Raises ComfyError."""
    if not (local := settings.local_servers):
        yield ()
        return
    from comfy.local_comfyui.supervisor import opened_locally

    with opened_locally(local, settings.data.absolute() / "comfyui") as opened:
        yield opened


def _payment(settings: Settings, history: RunStore, groups: GroupOf) -> Payment:
    from comfy.base.user_groups import storage_of
    from comfy.launch.payment import Payment
    from comfy.records.api_keys import ApiKeys
    from comfy.runs.limits import RunLimits
    from ui.web.cookies import kept_key_secret
    from ui.web.identity import NOBODY

    limits = RunLimits(
        person=settings.waiting,
        hourly=settings.hourly,
        paid=settings.paid_runs,
        paid_all=settings.paid_runs_all,
        groups=groups,
        started_today=history.audit.runs_today,
    )
    if settings.group:
        history.limit_owners(lambda owner: storage_of(groups(owner)))
    key_secret = partial(kept_key_secret, settings.data.absolute())
    keys = ApiKeys(history.engine, key_secret, settings.app_key)
    return Payment(keys.of, history, limits, NOBODY, keys)


def _registry(
    settings: Settings, servers: ServerPool, history: RunStore, payment: Payment
) -> RunRegistry:
    from comfy.runs.registry import LocalRunRegistry

    return LocalRunRegistry(
        servers,
        history,
        grace=settings.grace,
        keep_running=settings.keep_running == "yes",
        limits=payment.limits,
        retries=settings.retry == "yes",
        api_key=payment.api_key,
    )


def web_settings(settings: Settings, sign_in: SignInSettings, *, pages: bool) -> WebSettings:
    """Return the web side's part of the settings. `pages`: serve pages and the API."""
    from ui.settings.web_settings import WebSettings

    return WebSettings(
        settings.host,
        settings.port,
        settings.root_path,
        settings.pairs,
        settings.finish,
        hosts=(*settings.hosts, os.environ.get("SPACE_HOST", "")),
        trusted_proxies=settings.trusted_proxies,
        on_a_space=ON_A_SPACE,
        embed=settings.embed,
        smaller_previews=settings.previews == "fitted",
        sign_in=sign_in,
        operator_images=settings.operator_images == "yes",
        pages=pages,
        brand=settings.brand,
        of_plugins=settings,
    )


def _webhook_settings(settings: Settings) -> WebhookSettings:
    """Return the webhook settings: the allowed hosts, the signing secret, and the trusted
    certificates. Raises ComfyError if one of their files can't be used."""
    from comfy.comfyui.client.address import trusted_certificates
    from comfy.webhooks.waiting import WebhookSettings
    from ui.web.cookies import kept_webhook_secret

    if not settings.webhook_hosts:
        return WebhookSettings()
    configured = settings.webhook_secret
    secret = (
        configured.get_secret_value()
        if configured
        else kept_webhook_secret(settings.data.absolute())
    )
    return WebhookSettings(frozenset(settings.webhook_hosts), secret, trusted_certificates())


def _download_settings(settings: Settings, local: Iterable[str]) -> DownloadSettings:
    """Return the settings for downloads of missing models. `local`: the addresses of the servers
    that the app starts."""
    from comfy.downloads import DownloadSettings
    from comfy.requirements.lock import Lock, lock_in

    lock = lock_in(settings.lock.read_bytes()) if settings.lock else Lock()
    secret, token = settings.node_secret, settings.huggingface_token
    return DownloadSettings(
        secret=secret.get_secret_value() if secret else "",
        hosts=(*settings.download_hosts, *lock.hosts),
        token=token.get_secret_value() if token else "",
        local=frozenset(local),
        folder=settings.data.absolute() / "downloads",
        models=lock.models,
    )


def _sign_in_of(
    settings: Settings, users: UsersFile | None, openid: OpenIDPeople | None, kept: str
) -> SignInSettings:
    """Return the sign-in settings; `kept`: the SQLAlchemy URL of the database for sessions
    and tokens."""
    from ui.accounts.login import DAY, SessionTimes, SignInSettings

    return SignInSettings(
        users,
        kept,
        SessionTimes(settings.session_days * DAY, settings.idle_days * DAY),
        share_link=settings.share_link == "yes",
        user_header=settings.user_header,
        sign_out_address=settings.sign_out_address,
        openid=openid,
    )


if __name__ == "__main__":
    sys.exit(main())
