"""Try everything that the settings name without writing anything."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from refresher.engine.workers import Workers
from refresher.errors import RefresherError, unforeseen
from refresher.model import schedule
from refresher.model.credential import Credential
from refresher.model.plan import Foreign
from refresher.ports import Busy, Declares, Refused, Sink, Source, Validates

_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that won't work, or not for long. `subject` is a provider's or a sink's name."""

    subject: str
    message: str
    hint: str = ""


def check_locally(sources: Mapping[str, Source]) -> list[Finding]:
    """Return what is wrong with the files that the providers need, asking nobody."""
    return _validate({name: source.provider for name, source in sources.items()})


def _validate(parts: Mapping[str, object]) -> list[Finding]:
    findings = []
    for name, part in parts.items():
        if isinstance(part, Validates):
            try:
                part.validate()
            except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
                findings.append(_finding(name, error))
    return findings


def check_providers(sources: Mapping[str, Source], workers: Workers) -> list[Finding]:
    """Return what comes of asking each provider once, side by side; what arrives is dropped."""
    calls = {
        name: functools.partial(source.provider.fetch, _SECONDS) for name, source in sources.items()
    }
    findings: list[Finding] = []
    for name, answer in workers.run(calls, _SECONDS).items():
        if answer.error is not None:
            findings.append(_finding(name, answer.error))
        else:
            findings += _judge(name, sources[name], answer.get())
    return findings


def check_sinks(
    sinks: Mapping[str, Sink], sources: Mapping[str, Source], workers: Workers
) -> list[Finding]:
    """Return the targets that can't be read or written, and the entries that nobody would read."""
    declared = [each.provider for each in sources.values() if isinstance(each.provider, Declares)]
    registries = tuple(dict.fromkeys(each for it in declared for each in it.registries))
    calls = {name: functools.partial(sink.read, registries) for name, sink in sinks.items()}
    findings = _validate(sinks)
    for name, answer in workers.run(calls, _SECONDS).items():
        if answer.error is not None:
            findings.append(_finding(name, answer.error))
            continue
        for target, content in answer.get().items():
            for reason in _reasons(content):
                told = reason if target in reason else f"{target}: {reason}"
                findings.append(Finding(name, told))
    return findings


def _reasons(content: Mapping[str, object] | Busy | Refused) -> Iterable[str]:
    if isinstance(content, (Busy, Refused)):
        return [content.reason]
    return [held.reason for held in content.values() if isinstance(held, Foreign)]


def _judge(name: str, source: Source, credential: Credential) -> Iterable[Finding]:
    end, interval = credential.expires_at, source.terms.interval
    if not isinstance(end, datetime):
        return
    life = schedule.seconds_between(credential.issued_at, end)
    if life <= 0:
        yield Finding(name, f"the credential that it gives ended at {end:%Y-%m-%d %H:%M} UTC")
    elif interval is not None and interval >= life:
        yield Finding(
            name,
            f"interval is {interval:.0f} s, but its credentials live for {life:.0f} s",
            "the real expiry wins; make interval shorter, or leave it out",
        )


def _finding(name: str, error: Exception) -> Finding:
    told = error if isinstance(error, RefresherError) else unforeseen("the plug-in", error)
    return Finding(name, str(told), told.hint)
