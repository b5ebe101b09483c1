"""What a pass means to an observer: a report becomes events."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from refresher.engine.report import Fetch, ProviderReport, Step
from refresher.errors import LockTimeoutError
from refresher.model.lease import State
from refresher.model.plan import Skip
from refresher.ports import Busy, Event, EventName, Refused, Severity, Written

_ALARMS: Final = {
    State.URGENT: "the credential should have been renewed long ago",
    State.DEAD: "the credential has ended and there is no new one",
}


class NoEvents:
    """Drops every event."""

    def emit(self, event: Event) -> None:
        """Drop the event."""


def announce(report: ProviderReport, now: datetime) -> Iterable[Event]:
    """Return the events of one pass, in the order in which things happened."""
    yield from _of_fetch(report)
    for step in report.steps:
        yield from _of_step(report.provider, step)
    state = report.lease.state(now)
    if state in _ALARMS:
        yield Event(
            EventName(state.value),
            Severity.ERROR,
            report.provider,
            registries=report.lease.registries,
            detail=_ALARMS[state],
            expires=report.lease.expires,
        )


def _of_fetch(report: ProviderReport) -> Iterable[Event]:
    if report.error is not None:
        waiting = isinstance(report.error, LockTimeoutError)
        yield Event(
            EventName.LOCKED if waiting else EventName.FETCH_FAILED,
            Severity.WARNING if waiting else Severity.ERROR,
            report.provider,
            registries=report.lease.registries,
            detail=str(report.error),
            hint=report.error.hint,
        )
    elif report.fetch in {Fetch.FETCHED, Fetch.UNCHANGED}:
        yield Event(
            EventName(report.fetch.value),
            Severity.INFO,
            report.provider,
            registries=report.lease.registries,
            detail=report.reason,
            expires=report.lease.expires,
        )


def _of_step(provider: str, step: Step) -> Iterable[Event]:
    if step.drift:
        gone = "what was written there is gone or was changed"
        yield _at(provider, step, EventName.DRIFT, Severity.WARNING, gone)
    if isinstance(step.outcome, Written):
        yield _at(provider, step, EventName.WRITTEN, Severity.INFO, step.detail)
    elif isinstance(step.outcome, (Busy, Refused)) or isinstance(step.action, Skip):
        yield _at(provider, step, EventName(step.word), Severity.ERROR, step.detail)


def _at(provider: str, step: Step, name: EventName, severity: Severity, detail: str) -> Event:
    return Event(
        name,
        severity,
        provider,
        sink=step.sink,
        target=step.target,
        registries=(step.registry,),
        detail=detail,
    )
