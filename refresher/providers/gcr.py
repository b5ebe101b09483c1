"""Google Artifact Registry, and the `gcr.io` names that it serves.

Three ways in, by https://cloud.google.com/artifact-registry/docs/docker/authentication:

| auth | user name | password |
|---|---|---|
| `access-token` | `oauth2accesstoken` | a token of an hour or less |
| `json-key` | `_json_key` | a service-account key: the whole file, on one line |
| `json-key-base64` | `_json_key_base64` | the same in base64, on one line |
"""

from collections.abc import Callable

from refresher.model.address import parse as parse_address
from refresher.model.cloudhosts import is_google_host
from refresher.ports import Provider, Tools
from refresher.providers.google.key_provider import KeyProvider
from refresher.providers.google.options import Auth, Options
from refresher.providers.google.token_provider import TokenProvider

__all__ = ["Options", "build"]


def build(options: Options, tools: Tools) -> Provider:
    """Return the provider for the way in that the options choose.

    Tells of registries that are not Google's by their name (sovereign clouds
    have their own), of a path in an address, and of a key that travels itself.
    """
    notify = _Once(tools.notify)
    options = options.model_copy(update={"registries": _hosts(options.registries, notify)})
    if options.way is Auth.ACCESS_TOKEN:
        return TokenProvider(options, tools, notify)
    if options.auth is None:
        notify(
            "key_file without auth hands the key itself to every sink (json-key); "
            "auth: access-token hands out tokens of one hour instead"
        )
    return KeyProvider(options, tools, notify)


def _hosts(registries: tuple[str, ...], notify: Callable[[str], None]) -> tuple[str, ...]:
    """Return the hosts alone: clients look credentials up by them, whatever the project."""
    hosts: dict[str, None] = {}
    for registry in registries:
        host = parse_address(registry).host
        if host != registry:
            notify(f"{registry} is kept as {host}: one credential serves every project there")
        if not is_google_host(host):
            notify(f"{host} is no registry of Google by its name; it gets a Google credential")
        hosts[host] = None
    return tuple(hosts)


class _Once:
    """Passes each notice on once: a file is read at every fetch."""

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._notify = notify
        self._told: set[str] = set()

    def __call__(self, notice: str) -> None:
        if notice not in self._told:
            self._told.add(notice)
            self._notify(notice)
