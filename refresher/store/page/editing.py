"""What people may write into a credential, and what an edit changes."""

from refresher.model.credential import (
    UNKNOWN,
    Secret,
    refuse_control_characters,
    refuse_secret,
    refuse_username,
)
from refresher.model.registered import RegisteredCredential
from refresher.ports import StoredCredential
from refresher.store.columns import from_expiry


def refuse_unusable(credential: StoredCredential, registry: str) -> None:
    """Raise `PermanentError` for a credential that no client could use at `registry`."""
    refuse_username(credential.username, registry)
    refuse_secret(credential.secret, registry)
    _refuse_email(credential.email, registry)


def edited(
    there: RegisteredCredential,
    registry: str,
    username: str | None,
    email: str | None,
    secret: Secret | None,
) -> dict[str, object]:
    """Return the columns that an edit changes beside the secret; what is None stays.

    Raises `PermanentError` as `refuse_unusable` does.
    """
    changes: dict[str, object] = {}
    if username is not None and username != there.username:
        refuse_username(username, registry)
        changes["username"] = username
    if secret is not None:
        refuse_secret(secret, registry)
    if secret is not None or changes:
        # Whatever ended then, and whenever it began, was another credential.
        changes |= {"issued_at": None, "expires_at": from_expiry(UNKNOWN)}
    if email is not None and (email or None) != there.email:
        _refuse_email(email, registry)
        changes["email"] = email or None
    return changes


def _refuse_email(email: str | None, registry: str) -> None:
    refuse_control_characters(email or "", f"the e-mail for {registry}")
