"""Try everything that the settings name without writing anything."""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from refresher.engine.announce import HINTS
from refresher.engine.workers import Workers
from refresher.errors import RefresherError, unforeseen
from refresher.model import schedule
from refresher.model.credential import Credential
from refresher.model.plan import Foreign
from refresher.ports import (
    Advises,
    Busy,
    Declares,
    Judgement,
    Refused,
    Sink,
    Source,
    Validates,
    Verdict,
)

_SECONDS: Final = 30.0
_GRACE: Final = 0.5
_HINTS: Final = {Verdict.REFUSED: HINTS[True], Verdict.FORBIDDEN: HINTS[False]}


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
    """Return what comes of asking each provider once, side by side; what arrives is dropped.

    Where a source has a verifier, what arrives is tried at its registries first.
    """
    calls = {
        name: functools.partial(source.provider.fetch, _SECONDS) for name, source in sources.items()
    }
    findings: list[Finding] = []
    arrived: dict[str, Credential] = {}
    for name, answer in workers.run(calls, _SECONDS).items():
        if answer.error is not None:
            findings.append(_finding(name, answer.error))
        else:
            arrived[name] = answer.get()
            findings += _judge(name, sources[name], arrived[name])
    return findings + _check_registries(sources, arrived, workers)


def _check_registries(
    sources: Mapping[str, Source], arrived: Mapping[str, Credential], workers: Workers
) -> list[Finding]:
    calls: dict[str, Callable[[], Judgement]] = {}
    places: dict[str, tuple[str, str]] = {}
    for name, credential in arrived.items():
        verifier = sources[name].verifier
        if verifier is None:
            continue
        for registry in credential.registries:
            key = f"{name} at {registry}"
            places[key] = (name, registry)
            calls[key] = functools.partial(verifier.verify, registry, credential, _SECONDS)
    findings = []
    for key, answer in workers.run(calls, _SECONDS + _GRACE).items():
        name, registry = places[key]
        if answer.error is not None:
            findings.append(_finding(name, answer.error))
        elif answer.get().verdict is not Verdict.ACCEPTED:
            findings.append(_told(name, registry, answer.get()))
    return findings


def _told(name: str, registry: str, judgement: Judgement) -> Finding:
    message = f"{registry}: {judgement.verdict}: {judgement.reason}"
    return Finding(name, message, _HINTS.get(judgement.verdict, ""))


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
    return findings + _advice(sinks, registries, workers)


def _advice(
    sinks: Mapping[str, Sink], registries: tuple[str, ...], workers: Workers
) -> list[Finding]:
    calls = {
        name: functools.partial(sink.advise, registries)
        for name, sink in sinks.items()
        if isinstance(sink, Advises)
    }
    findings = []
    for name, answer in workers.run(calls, _SECONDS).items():
        if answer.error is not None:
            findings.append(_finding(name, answer.error))
        else:
            findings += [Finding(name, told) for told in answer.get()]
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
