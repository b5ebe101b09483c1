"""The `gcr` provider that presents access tokens."""

from collections.abc import Callable, Iterable
from pathlib import Path

from refresher.model.credential import Credential
from refresher.ports import Tools
from refresher.providers.google import adc
from refresher.providers.google.config import Identity, Rules
from refresher.providers.google.identity import Wanted
from refresher.providers.google.options import Options


class TokenProvider:
    """Presents access tokens, each from a new session and from files as they are then."""

    def __init__(self, options: Options, tools: Tools, notify: Callable[[str], None]) -> None:
        """Take the options, the clock and the environment of `tools`, and where notices go."""
        self._options = options
        self._clock = tools.clock
        self._env = tools.env
        self._notify = notify
        self._identity: Identity | None = None
        self._wanted = Wanted(
            options.scopes,
            options.impersonate or "",
            options.iam_endpoint or "",
            options.universe_domain,
        )

    def fetch(self, deadline: float) -> Credential:
        """Return an access token. See `refresher.providers.google.token.obtain` for its errors."""
        from refresher.providers.google import token  # noqa: PLC0415 - as in _find

        self._identity = self._find()
        verify = token.authorities(self._options.ca_file, self._env)
        answer = token.obtain(self._identity, self._wanted, self._clock, deadline, verify=verify)
        return Credential(
            self._options.registries,
            "oauth2accesstoken",
            answer.secret,
            issued_at=answer.issued_at,
            expires_at=answer.expires_at,
            answered_at=answer.answered_at,
        )

    @property
    def registries(self) -> tuple[str, ...]:
        """The hosts that the credential serves."""
        return self._options.registries

    def inputs(self) -> Iterable[Path]:
        """Return the credential file, which need not exist, and the certificate authorities."""
        yield from adc.candidates(self._options.key_file, self._env)
        if self._options.ca_file is not None:
            yield self._options.ca_file

    def validate(self) -> None:
        """Raise `PermanentError` if the credential file or `ca_file` can't be used."""
        from refresher.providers.google import source, token  # noqa: PLC0415 - as in _find

        fault = source.file_fault(self._find())
        if fault is not None:
            raise fault
        token.authorities(self._options.ca_file, self._env)

    def _find(self) -> Identity | None:
        # With ssl and sockets it costs more than all the rest, and mostly nothing is due.
        from refresher.providers.google import token  # noqa: PLC0415

        options = self._options
        rules = Rules(options.trust, self._may_run())
        found = token.find_identity(options.key_file, rules, self._env)
        for notice in found.notices if found else ():
            self._notify(notice)
        return found

    def _may_run(self) -> bool:
        variable = self._env.get("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES")
        return self._options.allow_executables and variable == "1"
