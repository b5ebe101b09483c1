"""How the report of a run or a plan looks."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click

from refresher.cli.notes import redacted
from refresher.cli.output import ending, iso, left, moment, print_json, print_table
from refresher.engine.report import Fetch, ProviderReport, Report, Step


def print_report(report: Report, now: datetime, style: str) -> None:
    """Print what a run did, or what a plan would do."""
    if style == "json":
        print_json({"ok": report.ok, "providers": [_provider(each) for each in report.providers]})
        return
    rows = [_row(each, step, now) for each in report.providers for step in each.steps]
    if rows:
        print_table(("PROVIDER", "REGISTRY", "TARGET", "RESULT", "ENDS"), rows)
        click.echo()
    for each in report.providers:
        for line in _lines(each):
            click.echo(line)


def _row(report: ProviderReport, step: Step, now: datetime) -> tuple[str, ...]:
    expires = report.lease.expires if report.lease.fingerprint else None
    if report.fetch is Fetch.WOULD_FETCH:
        expires = None
    return (
        report.provider,
        step.registry,
        place(step.sink, step.target),
        step.word,
        ends(expires, now),
    )


def ends(expires: Any, now: datetime) -> str:
    """Return an end and the time that is left, for a table."""
    if not isinstance(expires, datetime):
        return ending(expires)
    remaining = left(expires, now)
    return (
        f"{moment(expires)} ({remaining if remaining.startswith('ended') else f'in {remaining}'})"
    )


def place(sink: str, target: str) -> str:
    """Return a sink and its target as one word."""
    return f"{sink}:{target}" if target else sink


def _lines(report: ProviderReport) -> Iterable[str]:
    said = report.fetch.value + (f" ({report.reason})" if report.reason else "")
    if report.error is not None:
        yield f"{report.provider}: failed: {redacted(str(report.error))}"
        if report.error.hint:
            yield f"  hint: {redacted(report.error.hint)}"
    else:
        yield f"{report.provider}: {said}; next renewal {moment(report.lease.renew_at)}"
    for each in report.lease.objections:
        verb = "refuses the credential" if each.refused else "gives no right to pull"
        yield f"  {each.registry} {verb}: {redacted(each.reason)}"
    yield from _details(report.steps)


def _details(steps: Iterable[Step]) -> Iterable[str]:
    """Yield what is said of targets, once where it is said for several of them or registries."""
    alike: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        if step.detail:
            alike.setdefault((step.sink, step.detail), []).append(step)
    for (sink, detail), said in alike.items():
        words = ", ".join(dict.fromkeys(step.word for step in said))
        targets = {step.target for step in said}
        yield f"  {_whose(sink, targets, detail)}: {words}: {redacted(detail)}"


def _whose(sink: str, targets: set[str], detail: str) -> str:
    if len(targets) > 1:
        return f"{sink} ({len(targets)} targets)"
    (target,) = targets
    return sink if target in detail else place(sink, target)


def _provider(report: ProviderReport) -> dict[str, Any]:
    lease = report.lease
    return {
        "provider": report.provider,
        "ok": report.ok,
        "fetch": report.fetch.value,
        "reason": report.reason or None,
        "registries": list(lease.registries),
        "issued": iso(lease.issued),
        "expires": iso(lease.expires) if lease.fingerprint else None,
        "next_renewal": iso(lease.renew_at),
        "objections": [
            {"registry": each.registry, "refused": each.refused, "reason": redacted(each.reason)}
            for each in lease.objections
        ],
        "error": redacted(str(report.error)) if report.error else None,
        "hint": (redacted(report.error.hint) or None) if report.error else None,
        "places": [
            {
                "sink": step.sink,
                "target": step.target or None,
                "registry": step.registry,
                "result": step.word,
                "ok": step.ok,
                "detail": redacted(step.detail) or None,
            }
            for step in report.steps
        ],
    }
