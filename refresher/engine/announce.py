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

HINTS: Final = {
    True: "check the user name and where the secret comes from",
    False: "give it the right to pull; a new credential would fare no better",
}
"""What to do about an objection, by whether the registry refuses the credential."""

_FIGHT: Final = (
    "something else keeps changing what is written there, three times in ten minutes: "
    "find what else manages this place"
)


class NoEvents:
    """Drops every event."""

    def emit(self, event: Event) -> None:
        """Drop the event."""


def announce(report: ProviderReport, now: datetime) -> Iterable[Event]:
    """Return the events of one pass, in the order in which things happened."""
    yield from _of_fetch(report)
    yield from _of_objections(report)
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


def _of_objections(report: ProviderReport) -> Iterable[Event]:
    for each in report.lease.objections:
        if report.fetch is not Fetch.NOT_DUE or each not in report.before.objections:
            yield Event(
                EventName.REJECTED if each.refused else EventName.FORBIDDEN,
                Severity.ERROR,
                report.provider,
                registries=(each.registry,),
                detail=each.reason,
                hint=HINTS[each.refused],
            )


def _of_step(provider: str, step: Step) -> Iterable[Event]:
    if step.drift:
        gone = "what was written there is gone or was changed"
        yield _at(provider, step, EventName.DRIFT, Severity.WARNING, gone)
    if isinstance(step.outcome, Written):
        yield _at(provider, step, EventName.WRITTEN, Severity.INFO, step.detail)
        if step.fight:
            yield _at(provider, step, EventName.FIGHT, Severity.ERROR, _FIGHT)
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
