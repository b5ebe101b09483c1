"""The credentials as rows: how they are read, and which of them is in use.

`added` is the order that decides it, counted from 1, and downwards where the oldest
one is in use. What a person wrote there instead, as text, comes before every number in
SQLite, and the largest number has no successor: such a row is not in use.
"""

from typing import Final

from refresher.model.registered import Preference, RegisteredCredential
from refresher.ports import StoredCredential
from refresher.store.columns import (
    from_expiry,
    from_moment,
    to_date,
    to_expiry,
    to_moment,
    to_optional_text,
    to_state,
    to_text,
)
from refresher.store.session import Row, Session

_FARTHEST: Final = 2**62
COUNTED: Final = f"added BETWEEN {-_FARTHEST} AND {_FARTHEST}"

COLUMNS: Final = "id, username, state, created, updated, email, issued_at, expires_at"
"""What `registered` reads."""

ORDERS: Final = {Preference.NEWEST: "DESC", Preference.OLDEST: "ASC"}
"""How the credentials of a registry are sorted, so that the first active one is in use."""

OF_REGISTRY: Final = f"""
    SELECT {COLUMNS} FROM credential
    WHERE registry_id = :registry AND state <> 'removed' AND {COUNTED}
    ORDER BY added DESC"""  # noqa: S608 - made of constants

OF_ENVIRONMENT: Final = f"""
    SELECT registry_id, {COLUMNS} FROM credential
    WHERE registry_id IN (SELECT id FROM registry WHERE environment_id = :environment)
        AND state <> 'removed' AND {COUNTED}
    ORDER BY added DESC"""  # noqa: S608 - the same

ONE: Final = f"""
    SELECT {COLUMNS} FROM credential WHERE registry_id = :registry AND id = :id"""  # noqa: S608 - the same

_ENDS: Final = f"""
    SELECT coalesce(min(added), 1) - 1, coalesce(max(added), 0) + 1
    FROM credential WHERE registry_id = :registry AND {COUNTED}"""  # noqa: S608 - the same


def registered(row: Row) -> RegisteredCredential:
    """Return the credential of a row of `COLUMNS`. Raises `ValueError` for an unreadable one."""
    number, username, state, created, updated, email, issued_at, expires_at = row
    return RegisteredCredential(
        number,
        to_text(username),
        to_state(state),
        to_date(created),
        to_date(updated),
        to_optional_text(email),
        to_moment(issued_at),
        to_expiry(expires_at),
    )


def values(credential: StoredCredential) -> dict[str, object]:
    """Return what stands in the columns of a credential, without its secret."""
    return {
        "username": credential.username,
        "email": credential.email,
        "issued_at": from_moment(credential.issued_at),
        "expires_at": from_expiry(credential.expires_at),
    }


def next_place(session: Session, registry: int, preference: Preference) -> int:
    """Return the place in the order that puts a credential of a registry before all others."""
    ends = session.execute(_ENDS, {"registry": registry}).fetchone() or (0, 1)
    before, after = ends
    return int(before if preference is Preference.OLDEST else after)
