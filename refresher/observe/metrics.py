"""Metrics in the formats of Prometheus, made when they are asked for.

Names and units follow https://prometheus.io/docs/practices/naming/. Labels are
names of providers, states and outcomes, so their number is that of the
providers; targets, registries and sinks are no labels. A moment that is unknown, or
never comes, has no sample.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder

from refresher import __version__
from refresher.model import schedule
from refresher.model.lease import State
from refresher.model.standing import FAILING, Survey
from refresher.observe.tally import FETCHES, RELOADS, WRITES, Tally

_STATES: Final = (State.PENDING, State.FRESH, State.URGENT, State.DEAD, FAILING)


class Metrics:
    """Everything that is measured, in a registry of its own."""

    def __init__(
        self, survey: Callable[[], Survey], tally: Tally, stalled: Callable[[], str]
    ) -> None:
        """Measure what `survey` and `tally` tell, and whether `stalled` has a reason."""
        self._survey = survey
        self._tally = tally
        self._stalled = stalled
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def exposition(self, accept: str) -> tuple[str, bytes]:
        """Return a content type that the `Accept` header `accept` allows, and the metrics in it.

        Raises what `survey` raises.
        """
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self._registry)

    def collect(self) -> Iterable[Metric]:
        """Return all metrics as they are now: prometheus-client asks for them."""
        survey = self._survey()
        yield InfoMetricFamily("refresher_build", "What runs here.", value={"version": __version__})
        yield GaugeMetricFamily(
            "refresher_stalled",
            "1 if the daemon makes no progress, as /healthz tells, else 0.",
            value=float(bool(self._stalled())),
        )
        yield self._reloads()
        yield _places(survey)
        yield from self._moments(survey)
        yield from self._counts(survey.leases)

    def _reloads(self) -> Metric:
        family = CounterMetricFamily(
            "refresher_reloads", "Settings read again.", labels=["outcome"]
        )
        for name, outcome in RELOADS.items():
            family.add_metric([outcome], self._tally.count(name))
        return family

    def _moments(self, survey: Survey) -> Iterable[Metric]:
        leases = survey.leases.items()
        yield _timestamps(
            "credential_expiry",
            "When the provider's credential ends.",
            {name: lease.expires for name, lease in leases},
        )
        yield _timestamps(
            "renewal_due",
            "When the provider is asked next: the renewal, or the retry after a failure.",
            {name: lease.wake_at() for name, lease in leases},
        )
        yield _timestamps(
            "last_success",
            "When the provider last gave a credential, a new one or the same again.",
            {name: self._last_success(name, survey) for name, _ in leases},
        )

    def _last_success(self, name: str, survey: Survey) -> datetime | None:
        received = survey.leases[name].received
        age = self._tally.success_age(name)
        moments = [] if age is None else [schedule.after(survey.now, -age)]
        # A receipt from the future is the work of another clock.
        if received is not None and not schedule.is_ahead(received, survey.now):
            moments.append(received)
        return max(moments, default=None)

    def _counts(self, providers: Iterable[str]) -> Iterable[Metric]:
        fetches = CounterMetricFamily(
            "refresher_fetches", "Fetches, by outcome.", labels=["provider", "outcome"]
        )
        writes = CounterMetricFamily(
            "refresher_writes",
            "Places written, or that could not be read or written, by outcome.",
            labels=["provider", "outcome"],
        )
        repairs = CounterMetricFamily(
            "refresher_drift_repairs",
            "Places supplied again after somebody changed them.",
            labels=["provider"],
        )
        for provider in providers:
            for family, outcomes in ((fetches, FETCHES), (writes, WRITES)):
                for name, outcome in outcomes.items():
                    family.add_metric([provider, outcome], self._tally.count(name, provider))
            repairs.add_metric([provider], self._tally.repairs(provider))
        return fetches, writes, repairs


def _places(survey: Survey) -> Metric:
    family = GaugeMetricFamily(
        "refresher_places",
        "Registries at targets that the provider feeds, by state.",
        labels=["provider", "state"],
    )
    counts = {(name, state): 0 for name in survey.leases for state in _STATES}
    for place in survey.places:
        labels = (place.provider, place.state)
        counts[labels] = counts.get(labels, 0) + 1
    for labels, count in counts.items():
        family.add_metric(labels, count)
    return family


def _timestamps(name: str, documentation: str, moments: Mapping[str, object]) -> Metric:
    family = GaugeMetricFamily(
        f"refresher_{name}_timestamp_seconds", documentation, labels=["provider"], unit="seconds"
    )
    for provider, moment in moments.items():
        if isinstance(moment, datetime):
            family.add_metric([provider], moment.timestamp())
    return family
