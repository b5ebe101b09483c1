"""The provider behind ECR and ECR Public: one identity, one region, one token."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError
from refresher.model.cloudhosts import ecr_host
from refresher.model.credential import Credential
from refresher.ports import Tools
from refresher.providers.aws.options import TokenRequest
from refresher.providers.aws.settling import Settling
from refresher.providers.aws.token import read

_MOST_NAMED: Final = 5


class EcrProvider:
    """Asks for the token of a request, and writes it under the registries of the request.

    Where there are none, under the registry that AWS's answer names.
    """

    def __init__(self, request: TokenRequest, tools: Tools) -> None:
        """Ask nobody yet."""
        self._request = request
        self._subject = request.subject()
        self._clock = tools.clock
        self._env = tools.env
        self._notify = tools.notify
        self._settling = Settling(tools)
        self._foreign_said = False

    @property
    def registries(self) -> tuple[str, ...]:
        """The registries that the token will serve, none where AWS's answer names it."""
        return self._request.registries

    def fetch(self, deadline: float) -> Credential:
        """Return a new token; see `refresher.ports.Provider`."""
        # botocore costs 150 ms and 30 MiB: nobody pays for it before a token is needed.
        from refresher.providers.aws import call  # noqa: PLC0415

        answer = call.authorization_token(
            self._request, self._clock, deadline, settling=self._settling.lasts()
        )
        now = answer.answered_at or self._clock.now()
        token = read(answer.authorization_data, self._subject, now)
        self._say_foreign_accounts(token.endpoint)
        return Credential(
            self._request.registries or self._named(token.endpoint),
            token.username,
            token.secret,
            issued_at=now,
            expires_at=token.expires_at,
            answered_at=answer.answered_at,
        )

    def validate(self) -> None:
        """Raise `PermanentError` for what is missing locally; see `refresher.ports.Validates`.

        The profile, the region, the file of certificate authorities.
        """
        from refresher.providers.aws import call  # noqa: PLC0415 - as in fetch

        call.check_locally(self._request, self._clock)

    def inputs(self) -> Iterable[Path]:
        """Return `ca_file` and the AWS configuration file; see `refresher.ports.HasInputs`.

        What people edit, that is. The files with the keys and tokens themselves
        (credentials, web identity, Pod Identity, SSO) are left out: others rewrite them every hour
        or so, and the token in use, which lives for 12 hours, is as good as before. A repair of
        one is met by the next attempt, as all of them are read again each time.
        """
        if self._request.identity.ca_file is not None:
            yield self._request.identity.ca_file
        config = Path(self._env.get("AWS_CONFIG_FILE") or "~/.aws/config")
        home = self._env.get("HOME")
        yield Path(home, *config.parts[1:]) if home and config.parts[:1] == ("~",) else config

    def _named(self, endpoint: str) -> tuple[str, ...]:
        host = ecr_host(endpoint)
        if host is None or host.service != "ecr":
            raise PermanentError(
                f"{self._subject} answered without a registry of ECR's for its token",
                hint="name the hosts in the setting registries",
            )
        return (host.host,)

    def _say_foreign_accounts(self, endpoint: str) -> None:
        own = _account(endpoint)
        others = sorted({_account(host) for host in self._request.registries} - {own, ""})
        if not own or not others or self._foreign_said:
            return
        self._foreign_said = True
        more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
        self._notify(
            f"{self._subject}: the identity belongs to account {own}, registries to "
            f"{', '.join(others[:_MOST_NAMED])}{more}: their repository policies must allow it"
        )


def _account(registry: str) -> str:
    host = ecr_host(registry)
    return (host.account or "") if host else ""
