"""The `gcr` provider that presents a service-account key itself."""

import base64
from collections.abc import Callable, Iterable
from pathlib import Path

from refresher.model.credential import UNKNOWN, Credential, Secret
from refresher.ports import Tools
from refresher.providers.google.file import parse
from refresher.providers.google.key import ServiceAccountKey, service_account_key
from refresher.providers.google.options import Auth, Options
from refresher.secretfile import read_bytes


class KeyProvider:
    """Presents a service-account key itself. Its end is not in it, so that is unknown."""

    def __init__(self, options: Options, tools: Tools, notify: Callable[[str], None]) -> None:
        """Take the options (with a `key_file`), the clock of `tools`, and where notices go."""
        self._options = options
        self._clock = tools.clock
        self._notify = notify
        self._key: ServiceAccountKey | None = None

    def fetch(self, deadline: float) -> Credential:  # noqa: ARG002 - local, so it takes no time
        """Return the key as the file holds it now.

        Raises `PermanentError`, naming the defect, if the file can't be used.
        """
        self._key = self._read()
        username, secret = "_json_key", self._key.document
        if self._options.way is Auth.JSON_KEY_BASE64:
            username = "_json_key_base64"
            secret = Secret(base64.b64encode(secret.reveal().encode()).decode())
        return Credential(
            self._options.registries,
            username,
            secret,
            issued_at=self._clock.now(),
            expires_at=UNKNOWN,
        )

    @property
    def registries(self) -> tuple[str, ...]:
        """The hosts that the credential serves."""
        return self._options.registries

    def inputs(self) -> Iterable[Path]:
        """Return the key file."""
        return [self._options.key_file] if self._options.key_file else []

    def validate(self) -> None:
        """Raise `PermanentError` if the key file can't be used."""
        self._read()

    def _read(self) -> ServiceAccountKey:
        path = self._options.key_file or Path()
        file = parse(read_bytes(path, "key_file"), f"key_file {path}")
        key = service_account_key(file, self._options.trust)
        for notice in key.notices:
            self._notify(notice)
        return key
