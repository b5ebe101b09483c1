"""What is changed about botocore's sources of keys: nothing asks a person, all end in time.

The chain itself stays botocore's. It offers places to put a source in, and those are
used; what has no such place is reached by private names, each of which may be missing: then
that source is as bounded as botocore made it.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, NoReturn

from botocore.credentials import (
    AssumeRoleProvider,
    ContainerProvider,
    CredentialProvider,
    InstanceMetadataProvider,
)
from botocore.exceptions import MetadataRetrievalError
from botocore.httpsession import URLLib3Session
from botocore.session import Session
from botocore.utils import ContainerMetadataFetcher, parse_timestamp

from refresher.errors import PermanentError
from refresher.providers.aws.exchange import Exchange
from refresher.providers.aws.process import bound_credential_process

_KEYS: Final = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
_STATIC_KEYS: Final = ("aws_access_key_id", "aws_secret_access_key")


def bound_sources(session: Session, exchange: Exchange) -> None:
    """Fit the sources of keys into the time of the exchange, and refuse questions to a person."""
    chain = session.get_component("credential_provider")
    chain.insert_before(AssumeRoleProvider.METHOD, NoCodes(session))
    bound_credential_process(session, exchange.left())
    fetcher = ContainerFetcher(exchange)
    chain.get_provider(ContainerProvider.METHOD)._fetcher = fetcher  # noqa: SLF001 - see above
    metadata = chain.get_provider(InstanceMetadataProvider.METHOD)
    roles: Any = getattr(metadata, "_role_fetcher", None)
    with suppress(AttributeError):
        roles._session = exchange.wire.bound(roles._session)  # noqa: SLF001 - see above


class NoCodes(CredentialProvider):
    """Gives no keys. Refuses profiles for which botocore would ask the terminal for an MFA code."""

    METHOD = "no-mfa-codes"

    def __init__(self, session: Session) -> None:
        """Look at the profile of `session` when keys are wanted."""
        super().__init__()
        self._session = session

    def load(self) -> None:
        """Raise `PermanentError` if a role of the profile, or of its sources, wants a code."""
        for name, profile in self._roles():
            if profile.get("mfa_serial"):
                raise PermanentError(
                    f"the AWS profile {name} asks for an MFA code, and nobody is there to give one",
                    hint="use a profile without mfa_serial: a login that has been made already "
                    "(aws sso login), a credential_process, or a role of the machine",
                )

    def _roles(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        # As AssumeRoleProvider follows them: to static keys, or to what is no role.
        profiles = self._session.full_config.get("profiles", {})
        seen: set[str] = set()
        name = self._session.get_config_variable("profile") or "default"
        while name not in seen:
            seen.add(name)
            profile = profiles.get(name, {})
            if "role_arn" not in profile or "web_identity_token_file" in profile:
                return
            if len(seen) > 1 and any(key in profile for key in _STATIC_KEYS):
                return
            yield name, profile
            name = profile.get("source_profile", name)


class ContainerFetcher(ContainerMetadataFetcher):
    """Asks the agent of ECS or of EKS Pod Identity once: the engine is who tries again."""

    def __init__(self, exchange: Exchange) -> None:
        """Ask within the time of the exchange."""
        session = exchange.wire.bound(URLLib3Session(timeout=self.TIMEOUT_SECONDS))
        super().__init__(session=session, sleep=_give_up)

    def retrieve_full_uri(
        self, full_url: str, headers: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        """Return the agent's document, which holds keys. Raises `MetadataRetrievalError` else."""
        document = super().retrieve_full_uri(full_url, headers)
        if not _holds_keys(document):
            raise MetadataRetrievalError(error_msg="an answer without keys")
        return document  # type: ignore[no-any-return]


def _give_up(seconds: float) -> NoReturn:
    # Called before another attempt.
    raise MetadataRetrievalError(error_msg=f"no second attempt after {seconds} s")


def _holds_keys(document: Any) -> bool:
    if not isinstance(document, Mapping):
        return False
    if not all(isinstance(document.get(name), str) for name in _KEYS):
        return False
    try:
        parse_timestamp(document["Expiration"])
    except (ValueError, OverflowError, RuntimeError):
        return False
    return True
