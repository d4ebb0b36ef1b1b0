"""The ComfyUI servers that settings name, and how to log in at each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from comfy.client.address import ServerAddress, named_servers, one_each, parse_header, split_servers
from comfy.errors import ComfyError

OWN = "setting"  # the type of our own errors, whose words are told as they are


def _readable(path: Path) -> Path:
    try:
        path.open("rb").close()
    except (OSError, ValueError) as error:
        raise unreadable(error) from error
    return path


def unreadable(error: OSError | ValueError) -> PydanticCustomError:
    """Why a file cannot be used. Its name is left out, since a password may have been typed in its
    place."""
    reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
    return PydanticCustomError(OWN, "the file cannot be read: {reason}.", {"reason": reason})


def _header(value: SecretStr) -> SecretStr:
    try:
        parse_header(value.get_secret_value())
    except ComfyError as error:
        raise PydanticCustomError(OWN, "write it like 'X-Api-Key: secret', in ASCII.") from error
    return value


File = Annotated[Path, AfterValidator(_readable)]
Header = Annotated[SecretStr, AfterValidator(_header)]


def _servers(value: object) -> object:
    """Addresses between commas, spaces or lines, or tables as in the file of `--config`."""
    if not isinstance(value, str):
        return value
    return [{"url": one} for one in split_servers(value) or [value]]


class NamedServer(BaseModel):
    """A ComfyUI with a login of its own, as `[[server]]` in the file of `--config` has it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: SecretStr
    token: SecretStr | None = None
    header: Header | None = None
    ca: File | None = None

    @property
    def address(self) -> ServerAddress:
        """Its address and how to log in there; ComfyError if one is wrong."""
        token, header = map(_told, (self.token, self.header))
        return ServerAddress.parse(
            self.url.get_secret_value(), token=token, header=header, ca=self.ca
        )


def _told(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


Servers = Annotated[tuple[NamedServer, ...], NoDecode, BeforeValidator(_servers)]


def named_addresses(
    servers: Servers, token: SecretStr | None, header: SecretStr | None, ca: Path | None
) -> tuple[ServerAddress, ...]:
    """The addresses of all servers and how to log in there: each with what it has of its own, or a
    single one with what is told beside it. ComfyError if one is wrong."""
    own = any(one.token or one.header or one.ca for one in servers)
    if own and not (token or header or ca):
        return one_each(one.address for one in servers)
    urls = [one.url.get_secret_value() for one in servers]
    return named_servers(urls, token=_told(token), header=_told(header), ca=ca)
