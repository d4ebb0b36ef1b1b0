"""ComfyUI servers named in the settings, and how to sign in to each."""

from __future__ import annotations

import logging
import os
import re
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from comfy.base.errors import ComfyError
from comfy.comfyui.client.address import (
    ServerAddress,
    named_servers,
    one_each,
    parse_header,
    split_servers,
)

log = logging.getLogger(__name__)

_MOST_AT_ONCE = 50  # runs at one server
_LONGEST_NAME = 40  # characters
OWN = "setting"  # the type of our own errors, whose messages are shown unchanged
_one_or_several = BeforeValidator(lambda told: (told,) if isinstance(told, str) else told)
PromptLimit = Annotated[int, Field(ge=1, le=_MOST_AT_ONCE)]


@dataclass(frozen=True, slots=True)
class Secret:
    """Marks a setting whose value contains a secret if `part` matches. `is_option`: it can be given
    on the command line, too, where other users of the machine may read it."""

    part: re.Pattern[str] = re.compile(".")
    is_option: bool = True


WITH_PASSWORD = Secret(re.compile(r"\A[^/]*//[^:@]*:[^@]*@|password="))  # addresses


def at_home(path: Path) -> Path:
    """Expand a `~` that the shell did not expand: in a variable, in a file, or after `=`."""
    return Path(os.path.expanduser(path))


def _readable(path: Path) -> Path:
    try:
        path.open("rb").close()
    except (OSError, ValueError) as error:
        raise unreadable(error) from error
    return path


def unreadable(error: OSError | ValueError) -> PydanticCustomError:
    """Return the error for an unreadable file, without its name: it may be a password in the wrong
    place."""
    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
    return PydanticCustomError(OWN, "the file cannot be read: {reason}.", {"reason": reason})


def read_secrets(path: Path) -> str:
    """Return the text of a file with passwords. Log a warning if every user of this machine can
    read it."""
    try:
        with at_home(path).open(encoding="utf-8-sig") as file:
            warn_if_public(path.name, os.fstat(file.fileno()))
            return file.read()
    except (OSError, ValueError) as error:
        raise unreadable(error) from error


def warn_if_public(name: str, status: os.stat_result) -> None:
    """Log a warning if other users of this machine can read a file with passwords. Windows doesn't
    report that."""
    if sys.platform != "win32" and status.st_mode & stat.S_IROTH:
        log.warning(
            "All users of this machine can read the secrets in %s. Run chmod 600 on it.", name
        )


def _secret_in_file(value: object) -> object:
    if not isinstance(value, str):
        return value
    secret = read_secrets(Path(value)).strip()
    if not secret:
        raise PydanticCustomError(OWN, "the token file is empty.")
    return secret


def _secret_in_variable(name: object) -> object:
    """Return the secret in this environment variable. Errors don't repeat the name: it may be a
    secret written in the wrong place."""
    if not isinstance(name, str):
        return name
    secret = os.environ.get(name, "").strip()
    if not secret:
        raise PydanticCustomError(
            OWN, "the environment variable with this name is missing or empty."
        )
    return secret


def _header(value: SecretStr) -> SecretStr:
    try:
        parse_header(value.get_secret_value())
    except ComfyError as error:
        raise PydanticCustomError(OWN, "write it like 'X-Api-Key: secret', in ASCII.") from error
    return value


HomePath = Annotated[Path, AfterValidator(at_home)]
ReadableFile = Annotated[HomePath, AfterValidator(_readable)]
Header = Annotated[SecretStr, AfterValidator(_header)]
SecretInFile = Annotated[SecretStr, BeforeValidator(_secret_in_file)]
_SecretInVariable = Annotated[SecretStr, BeforeValidator(_secret_in_variable)]
_HeaderInVariable = Annotated[Header, BeforeValidator(_secret_in_variable)]
_Headers = Annotated[tuple[Header, ...], _one_or_several]
_HeadersInVariables = Annotated[tuple[_HeaderInVariable, ...], _one_or_several]


def server_tables(value: object) -> object:
    """Return the servers as tables. `value`: URLs separated by commas, spaces or lines, or tables
    as in the file of `--config`."""
    if isinstance(value, dict):
        raise PydanticCustomError(OWN, "write [[server]] above each server, with double brackets.")
    if not isinstance(value, str):
        return value
    return [{"url": one} for one in split_servers(value) or [value]]


def _one_line(name: str) -> str:
    """Return a server's name without spaces around it. Raises an error if it is too long."""
    name = name.strip()
    if not name.isprintable() or len(name) > _LONGEST_NAME:
        raise PydanticCustomError(OWN, "write a name of at most 40 characters.")
    return name


ServerName = Annotated[str, AfterValidator(_one_line)]


class ServerAccess(BaseModel):
    """Credentials and limit of a ComfyUI server. `token_file`, `token_env` and `header_env` are the
    contents of the file and variables with these names; `limit`: the maximum number of prompts that
    it gets at once."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr | None = None
    token_file: SecretInFile | None = None
    token_env: _SecretInVariable | None = None
    header: _Headers = ()
    header_env: _HeadersInVariables = ()
    ca: ReadableFile | None = None
    limit: PromptLimit | None = None

    def address_at(self, url: str) -> ServerAddress:
        """Return the address and credentials of the server at a URL. Raises ComfyError if one is
        wrong."""
        token, *more = self._tokens or (None,)
        if more:
            raise ComfyError(
                "A server has several tokens.", "Use only one of token, token_file and token_env."
            )
        return ServerAddress.parse(
            url,
            token=_told(token),
            headers=[one.get_secret_value() for one in (*self.header, *self.header_env)],
            ca=self.ca,
        )

    @property
    def has_login(self) -> bool:
        """Return whether anything but the address is set."""
        return bool(self._tokens or self.header or self.header_env or self.ca)

    @property
    def _tokens(self) -> list[SecretStr]:
        return [one for one in (self.token, self.token_file, self.token_env) if one]


class NamedServer(ServerAccess):
    """ComfyUI server with its own credentials and limit, from `[[server]]` in the `--config` file.
    `name`: shown to all users instead of the address."""

    url: SecretStr
    name: ServerName = ""

    @property
    def address(self) -> ServerAddress:
        """Return its address and credentials. Raises ComfyError if one is wrong."""
        return self.address_at(self.url.get_secret_value())


def _told(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def named_addresses(
    servers: Sequence[NamedServer],
    token: SecretStr | None,
    header: SecretStr | None,
    ca: Path | None,
) -> tuple[ServerAddress, ...]:
    """Return the servers' addresses and credentials: each with its own, or a single server with the
    common options. Raises ComfyError if one is wrong."""
    own = any(one.has_login for one in servers)
    if own and not (token or header or ca):
        addresses = one_each(one.address for one in servers)
    else:
        urls = [one.url.get_secret_value() for one in servers]
        addresses = named_servers(urls, token=_told(token), header=_told(header), ca=ca)
    named = zip(addresses, servers, strict=True)
    return tuple(replace(address, label=one.name) for address, one in named)
