"""From a checked identity to a credentials object of google-auth, by its class for that kind.

The library's generic loaders (`load_credentials_from_file` and its kin) are
deprecated because they take whatever a file says; so each kind has its class.
"""

from dataclasses import dataclass
from typing import Any, Final

from refresher.providers.google.config import Identity
from refresher.providers.google.file import Kind
from refresher.providers.google.hosts import CLOUD_PLATFORM, GOOGLE
from refresher.providers.google.source import AWS

_TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - a URL
_USUAL_RUN: Final = 30_000
_SHORTEST_RUN: Final = 5_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """The access token that is wanted.

    `impersonate` is the e-mail address of the service account that it is for,
    "" for the identity's own. `iam_endpoint` is the base URL of IAM, "" for
    that of the universe.
    """

    scopes: tuple[str, ...] = (CLOUD_PLATFORM,)
    impersonate: str = ""
    iam_endpoint: str = ""
    universe: str = GOOGLE


def google_credentials(identity: Identity | None, wanted: Wanted, deadline: float) -> Any:
    """Return google-auth's credentials object, new and without a token.

    Without an `identity` it is that of the metadata server. A program that an
    identity runs may take `deadline` seconds (google-auth insists on 5 at least).
    """
    source = _own(identity, wanted, deadline) if identity else _metadata(wanted)
    if not wanted.impersonate:
        return source
    url = wanted.iam_endpoint and (
        f"{wanted.iam_endpoint.rstrip('/')}/v1/projects/-/serviceAccounts/"
        f"{wanted.impersonate}:generateAccessToken"
    )
    return _impersonating(source, wanted.impersonate, wanted, url)


def _own(identity: Identity, wanted: Wanted, deadline: float) -> Any:
    match identity.kind:
        case Kind.AUTHORIZED_USER:
            return _person(identity, wanted)
        case Kind.EXTERNAL_USER:
            return _external_person(identity)
        case Kind.EXTERNAL:
            return _external(identity, wanted, deadline)
        case _ if identity.source is not None:
            source = _own(identity.source, wanted, deadline)
            url = str(identity.fields["service_account_impersonation_url"])
            return _impersonating(source, identity.principal, wanted, url, identity.delegates)
        case _:
            return _service_account(identity, wanted)


def _metadata(wanted: Wanted) -> Any:
    from google.auth import compute_engine  # noqa: PLC0415 - 180 ms

    # With the universe given, the library asks nobody for it (by a transport of its own).
    return compute_engine.Credentials(scopes=wanted.scopes, universe_domain=wanted.universe)


def _service_account(identity: Identity, wanted: Wanted) -> Any:
    from google.oauth2 import service_account  # noqa: PLC0415 - 130 ms

    return service_account.Credentials.from_service_account_info(
        dict(identity.fields), scopes=wanted.scopes
    )


def _person(identity: Identity, wanted: Wanted) -> Any:
    from google.oauth2 import credentials  # noqa: PLC0415 - 130 ms

    fields = identity.fields
    return credentials.Credentials(
        token=None,
        refresh_token=fields["refresh_token"],
        token_uri=fields.get("token_uri", _TOKEN_URI),
        client_id=fields["client_id"],
        client_secret=fields["client_secret"],
        scopes=wanted.scopes,
        universe_domain=wanted.universe,
    )


def _external_person(identity: Identity) -> Any:
    from google.auth import external_account_authorized_user  # noqa: PLC0415 - 115 ms

    stored = ("token", "expiry")  # a token that the file remembers may be long over
    fields = {name: value for name, value in identity.fields.items() if name not in stored}
    return external_account_authorized_user.Credentials.from_info(fields)


def _external(identity: Identity, wanted: Wanted, deadline: float) -> Any:
    from google.auth import aws, identity_pool, pluggable  # noqa: PLC0415 - 120 ms

    fields = dict(identity.fields)
    source = fields["credential_source"]
    if fields["subject_token_type"] == AWS:
        return aws.Credentials.from_info(fields, scopes=wanted.scopes)
    if isinstance(source, dict) and isinstance(source.get("executable"), dict):
        program = _bounded(source["executable"], deadline)
        fields["credential_source"] = {**source, "executable": program}
        return pluggable.Credentials.from_info(fields, scopes=wanted.scopes)
    return identity_pool.Credentials.from_info(fields, scopes=wanted.scopes)


def _bounded(program: dict[str, object], deadline: float) -> dict[str, object]:
    given = program.get("timeout_millis")
    limit = min(given if isinstance(given, int) else _USUAL_RUN, int(deadline * 1000))
    return {**program, "timeout_millis": max(limit, _SHORTEST_RUN)}


def _impersonating(
    source: Any, principal: str, wanted: Wanted, url: str, delegates: tuple[str, ...] = ()
) -> Any:
    from google.auth import impersonated_credentials  # noqa: PLC0415 - 115 ms

    return impersonated_credentials.Credentials(
        source_credentials=source,
        target_principal=principal,
        target_scopes=wanted.scopes,
        delegates=list(delegates),
        iam_endpoint_override=url or None,
    )
