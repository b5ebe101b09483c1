"""What the tests of Google's providers share: a key, a clock, a way to build, TLS for loopback."""

import functools
import json
from collections.abc import Mapping
from pathlib import Path

from refresher.clock import SystemClock
from refresher.ports import Clock, Provider, Tools
from refresher.providers import gcr
from refresher.store.memory import MemoryStore
from tests.doubles.google import new_key

OUTSIDE = ("PROXY", "CA_BUNDLE", "SSL_CERT", "GOOGLE_", "CLOUDSDK_", "GCE_", "NO_GCE_CHECK")


def leads_outside(variable: str) -> bool:
    """Tell whether an environment variable could lead a process to proxies, CAs or identities."""
    return any(part in variable.upper() for part in OUTSIDE)


@functools.cache
def pem() -> str:
    """Return a private key, one for all tests: short, because it is loaded often."""
    return new_key(1024)


class Account:
    """A `gcr` provider over a key file that tests write, and the notices that it gives."""

    def __init__(self, directory: Path, clock: Clock | None = None) -> None:
        self.path = directory / "gcr.json"
        self.clock = clock or SystemClock()
        self.env: dict[str, str] = {}
        self.notices: list[str] = []

    def write(self, content: Mapping[str, object] | bytes) -> None:
        """Write the key file."""
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.path.write_bytes(raw)

    def provider(self, **options: object) -> Provider:
        """Return a provider with the key file, and with `options` in place of the defaults."""
        given = {"registries": ["gcr.io"], "key_file": str(self.path), **options}
        written = {name: value for name, value in given.items() if value is not None}
        tools = Tools(self.clock, MemoryStore(), self.env, self.notices.append)
        return gcr.build(gcr.Options.model_validate(written), tools)

    def token_provider(self, **options: object) -> Provider:
        """Return a provider of access tokens."""
        return self.provider(auth="access-token", **options)
