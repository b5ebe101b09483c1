"""Metrics, read as Prometheus reads them."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as read_text

from refresher import __version__
from refresher.errors import RetryableError
from refresher.model.credential import NEVER, UNKNOWN
from refresher.model.lease import Failure, Lease, State
from refresher.model.standing import FAILING, Standing, Survey
from refresher.observe.metrics import Metrics
from refresher.observe.tally import Tally
from refresher.ports import Event, EventName
from refresher.testing import FakeClock

README = Path(__file__).parents[2] / "README.md"
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

Labels = tuple[tuple[str, str], ...]


class Scene:
    """A survey that can be changed, and what is measured of it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.now = self.clock.now()
        self.tally = Tally(self.clock)
        self.reason = ""
        self.leases: dict[str, Lease] = {}
        self.places: list[Standing] = []
        self.metrics = Metrics(self.survey, self.tally, lambda: self.reason)

    def survey(self) -> Survey:
        """Return how things stand."""
        return Survey(self.clock.now(), self.leases, tuple(self.places))

    def lease(self, **changes: object) -> Lease:
        """Return the lease of a credential that has just arrived and ends in 12 hours."""
        lease = Lease(
            registries=("canary.example",),
            fingerprint=b"x",
            received=self.now,
            expires=self.now + timedelta(hours=12),
            renew_at=self.now + timedelta(hours=6),
        )
        return replace(lease, **changes)  # type: ignore[arg-type]

    def place(self, provider: str, state: str) -> None:
        """Add a place in that state."""
        self.places.append(
            Standing(
                provider, "canary.example", "canary-sink", "/canary", state, None, UNKNOWN, None
            )
        )

    def samples(self) -> dict[str, dict[Labels, float]]:
        """Return all values by name and labels."""
        _, body = self.metrics.exposition("")
        found: dict[str, dict[Labels, float]] = {}
        for family in read_text(body.decode()):
            for sample in family.samples:
                labels = tuple(sorted(sample.labels.items()))
                found.setdefault(sample.name, {})[labels] = sample.value
        return found

    def moments(self, name: str) -> dict[str, float]:
        """Return the seconds from now of a timestamp, by provider."""
        values = self.samples().get(f"refresher_{name}_timestamp_seconds", {})
        now = self.clock.now().timestamp()
        return {dict(labels)["provider"]: value - now for labels, value in values.items()}


def test_moments_of_each_provider() -> None:
    """End, next attempt and last success, in seconds since the epoch."""
    scene = Scene()
    scene.leases["hub"] = scene.lease()
    scene.clock.advance(3600)
    assert scene.moments("credential_expiry") == {"hub": 11 * 3600}
    assert scene.moments("renewal_due") == {"hub": 5 * 3600}
    assert scene.moments("last_success") == {"hub": -3600}


@pytest.mark.parametrize(
    "lease",
    [
        Lease(),
        Lease(fingerprint=b"x", expires=NEVER),
        Lease(fingerprint=b"x", expires=UNKNOWN),
    ],
    ids=["nothing-yet", "never-ends", "end-unknown"],
)
def test_what_has_no_moment_has_no_sample(lease: Lease) -> None:
    """Neither zero nor infinity stands for an unknown time."""
    scene = Scene()
    scene.leases["hub"] = lease
    for name in ("credential_expiry", "renewal_due", "last_success"):
        assert scene.moments(name) == {}
    assert scene.samples()["refresher_fetches_total"]


def test_a_failure_moves_the_next_attempt() -> None:
    """What is due is the retry."""
    scene = Scene()
    failure = Failure("canary", scene.now, 1, scene.now + timedelta(seconds=5))
    scene.leases["hub"] = scene.lease(failure=failure)
    assert scene.moments("renewal_due") == {"hub": 5}


def test_the_same_credential_again_is_a_success() -> None:
    """Although its receipt is older."""
    scene = Scene()
    scene.leases["hub"] = scene.lease()
    scene.clock.advance(1000)
    scene.tally.emit(Event(EventName.UNCHANGED, provider="hub"))
    scene.clock.advance(10)
    assert scene.moments("last_success") == {"hub": -10}


def test_a_receipt_from_the_future_is_no_success() -> None:
    """It is the work of another clock, and would hide failures."""
    scene = Scene()
    scene.leases["hub"] = scene.lease(received=scene.now + timedelta(days=365))
    assert scene.moments("last_success") == {}
    scene.tally.emit(Event(EventName.FETCHED, provider="hub"))
    assert scene.moments("last_success") == {"hub": 0}


def test_places_are_counted_by_state() -> None:
    """All states are there from the beginning, so that alerts can be written."""
    scene = Scene()
    scene.leases |= {"hub": scene.lease(), "prod": scene.lease()}
    for state in (State.FRESH, State.FRESH, FAILING):
        scene.place("hub", state)
    places = {
        tuple(dict(labels).values()): value
        for labels, value in scene.samples()["refresher_places"].items()
    }
    states = [*State, FAILING]
    assert places == {
        (provider, state): {("hub", "fresh"): 2, ("hub", FAILING): 1}.get((provider, state), 0)
        for provider in ("hub", "prod")
        for state in states
    }


@pytest.mark.parametrize(
    ("event", "name", "outcome"),
    [
        (EventName.FETCHED, "fetches", "fetched"),
        (EventName.UNCHANGED, "fetches", "unchanged"),
        (EventName.FETCH_FAILED, "fetches", "failed"),
        (EventName.WRITTEN, "writes", "written"),
        (EventName.BUSY, "writes", "busy"),
        (EventName.REFUSED, "writes", "refused"),
    ],
)
def test_outcomes_are_counted(event: EventName, name: str, outcome: str) -> None:
    """Each for its provider, and the others start at zero."""
    scene = Scene()
    scene.leases["hub"] = scene.lease()
    scene.tally.emit(Event(event, provider="hub"))
    counts = scene.samples()[f"refresher_{name}_total"]
    assert counts[("outcome", outcome), ("provider", "hub")] == 1
    assert sum(counts.values()) == 1
    assert len(counts) == 3


def test_what_belongs_to_no_provider() -> None:
    """Version, reloads, and whether the daemon is stalled."""
    scene = Scene()
    scene.tally.emit(Event(EventName.RELOAD_FAILED))
    samples = scene.samples()
    assert samples["refresher_build_info"] == {(("version", __version__),): 1}
    assert samples["refresher_stalled"] == {(): 0}
    assert samples["refresher_reloads_total"] == {
        (("outcome", "reloaded"),): 0,
        (("outcome", "failed"),): 1,
    }
    scene.reason = "stuck"
    assert scene.samples()["refresher_stalled"] == {(): 1}


def test_a_repair_is_counted() -> None:
    """Drift that was written over."""
    scene = Scene()
    scene.leases["hub"] = scene.lease()
    for name in (EventName.DRIFT, EventName.WRITTEN):
        scene.tally.emit(Event(name, provider="hub", sink="s", target="t", registries=("r",)))
    assert scene.samples()["refresher_drift_repairs_total"] == {(("provider", "hub"),): 1}


def test_a_provider_that_is_gone_has_no_samples() -> None:
    """After a reload nothing is left of it, whatever happened before."""
    scene = Scene()
    scene.leases |= {"hub": scene.lease(), "gone": scene.lease()}
    scene.tally.emit(Event(EventName.FETCHED, provider="gone"))
    assert "gone" in str(scene.samples())
    del scene.leases["gone"]
    assert "gone" not in str(scene.samples())


def test_labels_are_bounded_whatever_is_supplied() -> None:
    """A thousand registries and targets add no series, and are named nowhere."""
    scene = Scene()
    scene.leases["hub"] = scene.lease(registries=("canary.example",) * 1000)
    few = sum(map(len, scene.samples().values()))
    for _ in range(1000):
        scene.place("hub", State.FRESH)
    assert sum(map(len, scene.samples().values())) == few
    assert "canary" not in str(scene.samples())
    labels = {name for values in scene.samples().values() for key in values for name, _ in key}
    assert labels == {"provider", "state", "outcome", "version"}


@pytest.mark.parametrize("accept", ["", "*/*", "text/html", OPENMETRICS, "\x00;;;,,", "a" * 9000])
def test_every_client_gets_a_format_that_it_can_read(accept: str) -> None:
    """OpenMetrics where it is asked for, else the text format."""
    scene = Scene()
    scene.leases["hub"] = scene.lease()
    content_type, body = scene.metrics.exposition(accept)
    openmetrics = content_type.startswith("application/openmetrics-text")
    assert openmetrics == (accept == OPENMETRICS)
    families = list((read_openmetrics if openmetrics else read_text)(body.decode()))
    assert all(family.name.startswith("refresher_") for family in families)
    assert all(family.documentation.endswith(".") for family in families)


def test_the_readme_lists_every_metric_with_its_labels() -> None:
    """What is there is documented, and the other way round."""
    scene = Scene()
    scene.leases["hub"] = scene.lease()
    rows = re.findall(r"^\| `(refresher_\w+)` \| (.*?) \|", README.read_text(), re.MULTILINE)
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    measured = {
        name: {label for labels in values for label, _ in labels}
        for name, values in scene.samples().items()
    }
    assert documented == measured


def test_odd_names_do_not_break_the_format() -> None:
    """A program that uses refresher as a library may name providers as it likes."""
    scene = Scene()
    name = 'a "quoted"\\\nname \N{SNOWMAN}'
    scene.leases[name] = scene.lease()
    assert list(scene.moments("credential_expiry")) == [name]


def test_records_that_can_not_be_read_are_told() -> None:
    """Rather than half of the metrics."""

    def survey() -> Survey:
        raise RetryableError("not now")

    with pytest.raises(RetryableError):
        Metrics(survey, Tally(FakeClock()), str).exposition("")
