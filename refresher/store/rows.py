"""Leases and deliveries as rows of the database, and back."""

from collections.abc import Mapping
from typing import Final

from refresher.model.lease import Failure, Lease, Origin
from refresher.model.plan import Delivery
from refresher.store.columns import (
    from_expiry,
    from_moment,
    from_moments,
    from_names,
    from_objections,
    to_count,
    to_digest,
    to_expiry,
    to_moment,
    to_moments,
    to_names,
    to_objections,
    to_optional_text,
    to_text,
)
from refresher.store.session import Row

_FAILURE_COLUMNS: Final = ("failure", "failed_at", "attempts", "retry_at")

LEASE_COLUMNS: Final = (
    "registries",
    "username",
    "fingerprint",
    "issued",
    "received",
    "expires",
    "renew_at",
    "settings",
    "inputs",
    "objections",
    *_FAILURE_COLUMNS,
)
DELIVERY_COLUMNS: Final = (
    "fingerprint",
    "written",
    "expires",
    "repairs",
    "repaired",
    *_FAILURE_COLUMNS,
)

Values = Mapping[str, object]
"""The values of a row by column."""


def from_lease(lease: Lease) -> Values:
    """Return a lease as `LEASE_COLUMNS`."""
    return {
        "registries": from_names(lease.registries),
        "username": lease.username,
        "fingerprint": lease.fingerprint,
        "issued": from_moment(lease.issued),
        "received": from_moment(lease.received),
        "expires": from_expiry(lease.expires),
        "renew_at": from_moment(lease.renew_at),
        "settings": lease.origin.settings,
        "inputs": lease.origin.inputs,
        "objections": from_objections(lease.objections),
        **_from_failure(lease.failure),
    }


def to_lease(row: Row) -> Lease:
    """Return the lease that was written as `row`.

    Raises `ValueError` for one that was never written here.
    """
    registries, username, fingerprint, issued, received, expires, renew_at, *rest = row
    settings, inputs, objections, *failure = rest
    return Lease(
        registries=to_names(registries),
        username=to_text(username),
        fingerprint=to_digest(fingerprint),
        issued=to_moment(issued),
        received=to_moment(received),
        expires=to_expiry(expires),
        renew_at=to_moment(renew_at),
        origin=Origin(to_text(settings), to_text(inputs)),
        failure=_to_failure(*failure),
        objections=to_objections(objections),
    )


def from_delivery(delivery: Delivery) -> Values:
    """Return a delivery as `DELIVERY_COLUMNS`."""
    return {
        "fingerprint": delivery.fingerprint,
        "written": from_moment(delivery.written),
        "expires": from_expiry(delivery.expires),
        "repairs": delivery.repairs,
        "repaired": from_moments(delivery.repaired),
        **_from_failure(delivery.failure),
    }


def to_delivery(row: Row) -> Delivery:
    """Return the delivery that was written as `row`.

    Raises `ValueError` for one that was never written here.
    """
    fingerprint, written, expires, repairs, repaired, *failure = row
    return Delivery(
        to_digest(fingerprint),
        to_moment(written),
        to_expiry(expires),
        _to_failure(*failure),
        to_count(repairs),
        to_moments(repaired),
    )


def _from_failure(failure: Failure | None) -> Values:
    if failure is None:
        return dict.fromkeys(_FAILURE_COLUMNS)
    # A message may quote a file name that is no valid Unicode, and PostgreSQL has no NUL.
    message = failure.message.encode(errors="backslashreplace").decode().replace("\0", "\\x00")
    return {
        "failure": message,
        "failed_at": from_moment(failure.at),
        "attempts": failure.attempts,
        "retry_at": from_moment(failure.retry_at),
    }


def _to_failure(message: object, at: object, attempts: object, retry_at: object) -> Failure | None:
    text, moment, retry = to_optional_text(message), to_moment(at), to_moment(retry_at)
    if text is None or moment is None or retry is None:
        return None
    return Failure(text, moment, to_count(attempts), retry)
