"""What the contracts put into stores and records."""

from datetime import UTC, datetime, timedelta, timezone

from refresher.model.credential import NEVER, UNKNOWN, Secret
from refresher.model.lease import Failure, Lease, Objection, Origin
from refresher.model.plan import Delivery
from refresher.ports import StoredCredential

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
INDIA = timezone(timedelta(hours=5, minutes=30))
REGISTRY = "registry.example:5000"

CREDENTIALS = {
    "bare": StoredCredential("AWS", Secret("s3cret-token")),
    "whole": StoredCredential("AWS", Secret("s3cret-token"), "a@b.example", NOW, NOW),
    "never": StoredCredential("acme", Secret("s3cret-token"), "", None, NEVER),
    "elsewhere": StoredCredential("acme", Secret("s3cret-token"), None, NOW.astimezone(INDIA)),
    "extremes": StoredCredential(
        "N\N{SNOWMAN}",
        Secret("s"),
        None,
        datetime(1, 1, 1, tzinfo=INDIA),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(-timedelta(hours=5))),
    ),
}

FAILURE = Failure("denied: \N{SNOWMAN} 'quoted'", NOW, 3, NOW + timedelta(minutes=5))

LEASES = {
    "empty": Lease(),
    "failed-first": Lease(origin=Origin("digest", "inputs"), failure=FAILURE),
    "whole": Lease(
        registries=("docker.io", REGISTRY),
        username="AWS",
        fingerprint=bytes(range(32)),
        issued=NOW - timedelta(seconds=1),
        received=NOW,
        expires=NOW + timedelta(hours=12),
        renew_at=NOW + timedelta(hours=6),
        origin=Origin("digest", "inputs"),
        failure=FAILURE,
    ),
    "never": Lease(("docker.io",), "acme", b"\0" * 32, NOW.astimezone(INDIA), NOW, NEVER),
    "objected-to": Lease(
        objections=(Objection("one", "it is no good"), Objection("two", "no right", refused=False))
    ),
}

DELIVERIES = {
    "empty": Delivery(),
    "written": Delivery(bytes(range(32)), NOW, NOW + timedelta(hours=12)),
    "failed": Delivery(None, None, UNKNOWN, FAILURE),
    "never": Delivery(b"\xff" * 32, NOW.astimezone(INDIA), NEVER, FAILURE),
    "repaired": Delivery(repairs=7, repaired=(NOW, NOW.astimezone(INDIA))),
}


def named(secret: str, username: str = "AWS") -> StoredCredential:
    """Return a credential of which only the user and the secret matter."""
    return StoredCredential(username, Secret(secret))
