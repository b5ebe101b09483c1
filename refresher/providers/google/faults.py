"""What a refusal by Google's servers means, and what a person can do about it.

Only the kind of an error is read from an answer; no word of it is repeated. The
kinds are those of RFC 6749 (section 5.2) at token endpoints, with the phrases
that Google adds, and of https://cloud.google.com/apis/design/errors at IAM.
"""

from dataclasses import dataclass
from typing import Final

from refresher.errors import ClockError, PermanentError, RefresherError, RetryableError
from refresher.model import schedule
from refresher.providers.google.answer import Answer

_CLIENT_ERROR: Final = range(400, 500)
_PASSING_STATUS: Final = frozenset({408, 425, 429})
_PASSING_KINDS: Final = frozenset(
    {"internal_failure", "server_error", "temporarily_unavailable", "rate_limit_exceeded"}
)
_CLOCK_PHRASES: Final = ("reasonable timeframe", "short-lived token")


@dataclass(frozen=True, slots=True)
class _Rule:
    """An error `kind`, with a `phrase` of its description, and what they mean."""

    kind: str
    phrase: str
    meaning: str
    hint: str


_LOGIN: Final = "log in again: gcloud auth application-default login"
_RULES: Final = (
    _Rule(
        "invalid_grant",
        "jwt signature",
        "does not accept the signature of the service-account key",
        "the key was rotated or deleted: put the current key into the key file",
    ),
    _Rule(
        "invalid_grant",
        "disabled",
        "says that the account is disabled",
        "enable the service account, or use another one",
    ),
    _Rule(
        "invalid_grant",
        "not found",
        "does not know the account",
        "the service account was deleted: create a key for another one",
    ),
    _Rule("invalid_grant", "revoked", "says that the login has ended or was revoked", _LOGIN),
    _Rule("invalid_grant", "rapt", "wants the person to log in again", _LOGIN),
    _Rule(
        "invalid_grant",
        "",
        "does not accept the identity",
        "check that the account exists and that the key or login is a current one",
    ),
    _Rule("invalid_client", "", "does not know the OAuth client of the login", _LOGIN),
    _Rule("deleted_client", "", "says that the OAuth client of the login was deleted", _LOGIN),
    _Rule(
        "unauthorized_client",
        "",
        "does not let this account ask for the scopes",
        "check scopes, and whether the account is used for domain-wide delegation",
    ),
    _Rule("invalid_scope", "", "does not know one of the scopes", "check scopes"),
    _Rule(
        "invalid_target",
        "",
        "does not know the audience of the workload identity federation",
        "check the audience in the file against the pool and the provider; both must be enabled",
    ),
    _Rule(
        "PERMISSION_DENIED",
        "",
        "does not allow the impersonation",
        "grant roles/iam.serviceAccountTokenCreator on the account to impersonate, and enable "
        "the API iamcredentials.googleapis.com",
    ),
    _Rule(
        "NOT_FOUND",
        "",
        "does not know the account to impersonate",
        "check its e-mail address in impersonate or in the file",
    ),
    _Rule(
        "INVALID_ARGUMENT",
        "",
        "does not accept the request for an impersonation",
        "check scopes, and the token lifetime in the file if it sets one",
    ),
)


def refused(answer: Answer) -> RefresherError:
    """Return the error that an answer without a token stands for."""
    kind, description = _kind(answer)
    if _passes(answer, kind):
        return RetryableError(
            f"{answer.host} can't answer now ({answer.status})", retry_after=answer.retry_after
        )
    if kind == "invalid_grant" and any(phrase in description for phrase in _CLOCK_PHRASES):
        return _clock_fault(answer)
    for rule in _RULES:
        if kind == rule.kind and rule.phrase in description:
            return PermanentError(f"{answer.host} {rule.meaning} ({answer.status})", hint=rule.hint)
    if answer.headers.get("metadata-flavor") == "Google":
        return _metadata_fault(answer)
    return PermanentError(
        f"{answer.host} refused to give a token ({answer.status})",
        hint="check the identity, and whether a proxy or firewall answers in Google's place",
    )


def _kind(answer: Answer) -> tuple[str, str]:
    fields = answer.fields()
    error = fields.get("error")
    if isinstance(error, dict):
        return str(error.get("status")), str(error.get("message")).lower()
    details = (fields.get("error_description"), fields.get("error_subtype"))
    return str(error), " ".join(str(detail) for detail in details if detail).lower()


def _passes(answer: Answer, kind: str) -> bool:
    """Tell whether time heals it: also a redirect, as a network's login page sends it."""
    if answer.status not in _CLIENT_ERROR or answer.status in _PASSING_STATUS:
        return True
    return kind in _PASSING_KINDS


def _clock_fault(answer: Answer) -> RefresherError:
    skew = answer.skew
    if skew is not None and abs(skew) <= schedule.SKEW_LIMIT:
        return PermanentError(
            f"{answer.host} does not accept the times of the request ({answer.status}), "
            "although its clock and ours agree",
            hint="check that the key belongs to this token_uri",
        )
    measured = "" if skew is None else f": its clock is {skew:+.0f} s from ours"
    return ClockError(
        f"{answer.host} does not accept the times of the request ({answer.status}){measured}",
        hint="set the clock of this host (NTP); the key itself was not refused",
        skew=skew,
    )


def _metadata_fault(answer: Answer) -> RefresherError:
    return PermanentError(
        f"the metadata server at {answer.host} gives no token ({answer.status})",
        hint="attach a service account to this machine, or bind one to this Kubernetes "
        "service account (workload identity)",
    )
