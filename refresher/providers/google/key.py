"""A service-account key: checked before it is used, and brought to one canonical line.

Google's own library takes a key with another `type`, an empty `client_email` or
a foreign `token_uri` without a word (google-auth 2.63, `service_account.py`),
and registries answer a bad one with a bare 401. So every defect is named here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.providers.google import pem
from refresher.providers.google.file import CredentialFile, Kind
from refresher.providers.google.hosts import GOOGLE, HOST, Trust

_ACCESS_TOKEN: Final = "it can be used with auth: access-token, not as a registry password"  # noqa: S105
_CREATE: Final = "create a key of type JSON for a service account, and give that file"
_OTHER_KINDS: Final = {
    Kind.UNTYPED: ("has no type, so it is no service-account key", _CREATE),
    Kind.UNKNOWN: ("has an unknown type, so it is no service-account key", _CREATE),
    Kind.OAUTH_CLIENT: ("is an OAuth client file, not a service-account key", _CREATE),
    Kind.GDCH: ("is a key for Google Distributed Cloud (gdch_service_account)", _CREATE),
    Kind.AUTHORIZED_USER: ("is the login of a person (authorized_user)", _ACCESS_TOKEN),
    Kind.EXTERNAL: ("describes an external identity (external_account)", _ACCESS_TOKEN),
    Kind.EXTERNAL_USER: (
        "is the login of a person from outside (external_account_authorized_user)",
        _ACCESS_TOKEN,
    ),
    Kind.IMPERSONATED: (
        "describes an impersonation (impersonated_service_account)",
        _ACCESS_TOKEN,
    ),
}


@dataclass(frozen=True, slots=True)
class ServiceAccountKey:
    """A key that has passed every check.

    `document` is the whole file as one line of ASCII JSON, its fields in their
    order. `secrets` is the private key: while this object lives, the redactor
    knows it and every part of it.
    """

    email: str
    universe: str
    document: Secret
    fields: Mapping[str, object] = field(repr=False)
    secrets: tuple[Secret, ...] = field(repr=False)
    notices: tuple[str, ...] = ()


def service_account_key(file: CredentialFile, trust: Trust) -> ServiceAccountKey:
    """Return the key in `file`; `trust` says of which cloud, and which `token_uri` it may name.

    Raises `PermanentError`, naming the first defect, if it can't be used.
    """
    refuse_other_kinds(file)
    refuse_other_universe(file, trust)
    email = file.text("client_email").strip()
    if "@" not in email:
        raise PermanentError(f"{file.what} has a client_email that is no address", hint=_CREATE)
    token_uri = file.text("token_uri").strip()
    trust.refuse_untrusted(token_uri, f"token_uri in {file.what}")
    text, notices = pem.repair(file.text("private_key"), file.what)
    known = (Secret(text),)
    pem.refuse_undecodable(text, file.what)
    fields = _with_text(file.fields, client_email=email, token_uri=token_uri, private_key=text)
    return ServiceAccountKey(
        email, universe_of(file), Secret(one_line(fields)), fields, known, file.notices + notices
    )


def refuse_other_kinds(file: CredentialFile) -> None:
    """Raise `PermanentError` unless the file is a service-account key, saying what it is."""
    if file.kind in _OTHER_KINDS:
        defect, hint = _OTHER_KINDS[file.kind]
        raise PermanentError(f"{file.what} {defect}", hint=hint)


def refuse_other_universe(file: CredentialFile, trust: Trust) -> None:
    """Raise `PermanentError` if the file is for another cloud than that of `trust`."""
    universe = universe_of(file)
    if not HOST.match(universe):
        raise PermanentError(f"{file.what} has a universe_domain that is no domain", hint=_CREATE)
    if universe != trust.universe:
        raise PermanentError(
            f"{file.what} is for the cloud {universe}, not for {trust.universe}",
            hint=f"if that is meant, set universe_domain: {universe}",
        )


def universe_of(file: CredentialFile) -> str:
    """Return the cloud that the file is for: `googleapis.com` or a sovereign one."""
    if file.fields.get("universe_domain") is None:
        return GOOGLE
    return file.text("universe_domain").strip().lower()


def one_line(fields: Mapping[str, object]) -> str:
    """Return the fields as one line of ASCII JSON, which any client can store and send."""
    text = json.dumps(fields, separators=(",", ":"))
    # JSON lets DEL stand raw; HTTP Basic does not (RFC 7617, section 2).
    return text.replace("\x7f", "\\u007f")


def _with_text(fields: Mapping[str, object], **changed: str) -> dict[str, object]:
    """Return `fields` in their order, with white space and repairs of some settled."""
    return {name: changed.get(name, value) for name, value in fields.items()}
