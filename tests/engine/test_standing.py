"""How every place stands, told from the records alone."""

from datetime import timedelta

import pytest

from refresher.engine.standing import standings, survey
from refresher.model.credential import UNKNOWN
from refresher.model.lease import Failure, Lease, Objection, State
from refresher.model.plan import Delivery
from refresher.model.standing import FAILING
from refresher.store.memory import MemoryRecords
from refresher.testing import FakeClock

CLOCK = FakeClock()
NOW = CLOCK.now()
PLACE = ("docker", "config.json", "registry.example")


def _lease(**changes: object) -> Lease:
    fields = {
        "registries": ("registry.example",),
        "username": "AWS",
        "fingerprint": b"new",
        "issued": NOW,
        "received": NOW,
        "expires": NOW + timedelta(hours=12),
        "renew_at": NOW + timedelta(hours=6),
    }
    return Lease(**{**fields, **changes})  # type: ignore[arg-type]


def _failure(message: str) -> Failure:
    return Failure(message, NOW, 1, NOW + timedelta(seconds=5))


@pytest.mark.parametrize(
    ("lease", "delivery", "state", "healthy"),
    [
        (_lease(), Delivery(b"new", NOW, NOW + timedelta(hours=12)), State.FRESH, True),
        (_lease(), Delivery(b"old", NOW, NOW - timedelta(hours=1)), State.DEAD, False),
        (_lease(), Delivery(b"old", NOW, NOW + timedelta(hours=3)), State.FRESH, True),
        (_lease(), Delivery(failure=_failure("denied")), FAILING, False),
        (_lease(), Delivery(b"new", NOW, NOW, _failure("shadowed")), FAILING, False),
        (_lease(), Delivery(), State.PENDING, True),
        (_lease(expires=UNKNOWN), Delivery(b"new", NOW), State.FRESH, True),
        (
            _lease(
                received=NOW - timedelta(hours=11, minutes=30), expires=NOW + timedelta(minutes=30)
            ),
            Delivery(b"new", NOW, NOW + timedelta(minutes=30)),
            State.URGENT,
            False,
        ),
    ],
    ids=[
        "supplied",
        "holds-an-ended-one",
        "holds-an-earlier-one",
        "refused",
        "shadowed",
        "new",
        "unknown",
        "urgent",
    ],
)
def test_a_place_stands_by_what_it_holds(
    lease: Lease, delivery: Delivery, state: str, *, healthy: bool
) -> None:
    """The lease counts where it was delivered; elsewhere what is still held there."""
    records = MemoryRecords()
    records.save_lease("prod", lease)
    records.save_deliveries("prod", {PLACE: delivery})
    (row,) = standings(records, NOW)
    assert (row.state, row.healthy) == (state, healthy)


def test_a_provider_without_a_delivery_has_a_row_of_its_own() -> None:
    """What failed from the start is told, with its reason, and is not healthy."""
    records = MemoryRecords()
    records.save_lease("prod", Lease(failure=_failure("no identity")))
    (row,) = standings(records, NOW)
    assert (row.state, row.error, row.target) == (State.PENDING, "no identity", "")
    assert not row.healthy


def test_only_configured_providers_are_shown() -> None:
    """Records of settings that are gone are left out, and what is new is pending."""
    records = MemoryRecords()
    records.save_lease("gone", _lease())
    (row,) = standings(records, NOW, {"new": ["docker"]})
    assert (row.provider, row.state, row.healthy) == ("new", State.PENDING, True)


def test_places_of_registries_that_are_gone_are_left_out() -> None:
    """A registry that was taken from the settings does not haunt the status."""
    records = MemoryRecords()
    records.save_lease("prod", _lease())
    records.save_deliveries("prod", {("docker", "config.json", "old.example"): Delivery(b"new")})
    (row,) = standings(records, NOW)
    assert row.registry == "registry.example"


def test_sinks_that_a_provider_no_longer_feeds_are_left_out() -> None:
    """What other settings over the same store feed is no concern of these."""
    records = MemoryRecords()
    records.save_lease("prod", _lease())
    ended = Delivery(b"old", NOW, NOW - timedelta(hours=1))
    records.save_deliveries("prod", {PLACE: Delivery(b"new", NOW), ("gone", *PLACE[1:]): ended})
    assert [row.sink for row in standings(records, NOW, {"prod": ["docker"]})] == ["docker"]


def test_a_failing_provider_of_endless_credentials_is_seen() -> None:
    """What has no known end never becomes urgent, so the failure itself has to show."""
    records = MemoryRecords()
    records.save_lease("prod", _lease(expires=UNKNOWN, failure=_failure("the file is empty")))
    records.save_deliveries("prod", {PLACE: Delivery(b"new", NOW)})
    (row,) = standings(records, NOW)
    assert (row.state, row.healthy, row.error) == (FAILING, False, "the file is empty")


def test_a_sink_that_nothing_was_put_into_yet_is_pending() -> None:
    """What was added to the settings is still to be supplied, however well the others stand."""
    records = MemoryRecords()
    records.save_lease("prod", _lease())
    records.save_deliveries("prod", {PLACE: Delivery(b"new", NOW)})
    rows = standings(records, NOW, {"prod": ["docker", "store"]})
    assert [(row.sink, row.state) for row in rows] == [
        ("docker", State.FRESH),
        ("store", State.PENDING),
    ]


def test_a_credential_that_was_put_nowhere_yet_is_pending() -> None:
    """It is obtained, and of use to nobody."""
    records = MemoryRecords()
    records.save_lease("prod", _lease())
    (row,) = standings(records, NOW, {"prod": ["docker"]})
    assert (row.sink, row.registry, row.state) == ("docker", "registry.example", State.PENDING)


def test_a_registry_that_was_added_is_pending_until_it_is_supplied() -> None:
    """A provider that knows its registries need not be asked for that; one that is gone is left."""
    records = MemoryRecords()
    records.save_lease("prod", _lease(registries=("gone.example", "registry.example")))
    gone = ("docker", "config.json", "gone.example")
    records.save_deliveries("prod", {PLACE: Delivery(b"new", NOW), gone: Delivery(b"new", NOW)})
    declared = {"prod": ("registry.example", "added.example")}
    rows = survey(records, NOW, {"prod": ["docker"]}, declared).places
    assert [(row.registry, row.state) for row in rows] == [
        ("registry.example", State.FRESH),
        ("added.example", State.PENDING),
    ]


def test_before_the_first_credential_each_known_registry_has_a_row() -> None:
    """Whoever looks then learns what is to come."""
    declared = {"prod": ("a.example", "b.example")}
    rows = survey(MemoryRecords(), NOW, {"prod": ["docker"]}, declared).places
    assert [(row.registry, row.sink, row.state) for row in rows] == [
        ("a.example", "", State.PENDING),
        ("b.example", "", State.PENDING),
    ]


@pytest.mark.parametrize(
    ("objection", "state"),
    [
        (Objection("registry.example", "401", refused=True), FAILING),
        (Objection("registry.example", "no right to pull", refused=False), FAILING),
        (Objection("other.example", "401", refused=True), State.FRESH),
    ],
    ids=["refused", "no-right", "elsewhere"],
)
def test_a_credential_that_its_registry_objects_to_is_failing(
    objection: Objection, state: str
) -> None:
    """It may be young, and nothing can be pulled with it; what the registry said is the error."""
    records = MemoryRecords()
    records.save_lease("prod", _lease(objections=(objection,)))
    records.save_deliveries("prod", {PLACE: Delivery(b"new", NOW)})
    (row,) = standings(records, NOW)
    here = objection.registry == "registry.example"
    assert (row.state, row.error) == (state, objection.reason if here else "")


def test_a_survey_has_the_leases_too() -> None:
    """Of all providers that are asked for, and of no other."""
    records = MemoryRecords()
    records.save_lease("prod", _lease())
    records.save_lease("gone", _lease())
    made = survey(records, NOW, {"prod": None, "new": ["docker"]})
    assert made.leases == {"prod": _lease(), "new": Lease()}
    assert made.now == NOW
    assert {row.provider for row in made.places} == {"prod", "new"}
