"""Try everything that the settings name without writing anything."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from refresher.engine.announce import HINTS
from refresher.engine.workers import Workers
from refresher.errors import RefresherError, unforeseen
from refresher.model import schedule
from refresher.model.credential import Credential
from refresher.model.plan import Foreign
from refresher.model.span import span
from refresher.ports import (
    Advises,
    Busy,
    Declares,
    Judgement,
    Refused,
    Remote,
    Route,
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
    """Something that won't work, or not for long. `subject` is the name of what won't."""

    subject: str
    message: str
    hint: str = ""


def check_locally(
    sources: Mapping[str, Source], others: Mapping[str, object] = MappingProxyType({})
) -> list[Finding]:
    """Return what is wrong with the files that are needed, asking nobody.

    Those of providers and of verifiers, and of whatever else is named.
    """
    providers = {name: source.provider for name, source in sources.items()}
    verifiers = {name: source.verifier for name, source in sources.items()}
    return [*_validate(providers), *_once([*_validate(verifiers), *_validate(others)])]


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, those that say the same as one of all their subjects."""
    subjects: dict[tuple[str, str], list[str]] = {}
    for each in findings:
        subjects.setdefault((each.message, each.hint), []).append(each.subject)
    return [Finding(", ".join(names), *said) for said, names in subjects.items()]


def _validate(parts: Mapping[str, object]) -> list[Finding]:
    findings = []
    for name, part in parts.items():
        if isinstance(part, Validates):
            try:
                part.validate()
            except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
                findings.append(_finding(name, error))
    return findings


def check_providers(
    sources: Mapping[str, Source], workers: Workers
) -> tuple[list[Finding], dict[str, tuple[str, ...]]]:
    """Return what comes of asking each provider once, side by side, and for which registries.

    Where a source has a verifier, what arrives is tried at its registries, and then dropped.
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
    registries = {name: credential.registries for name, credential in arrived.items()}
    return findings + _check_registries(sources, arrived, workers), registries


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


def declared(sources: Mapping[str, Source]) -> dict[str, tuple[str, ...]]:
    """Return the registries that each provider will serve, where it knows them by itself."""
    return {
        name: tuple(source.provider.registries)
        for name, source in sources.items()
        if isinstance(source.provider, Declares)
    }


def fed(
    routes: Iterable[Route], registries: Mapping[str, Iterable[str]]
) -> dict[str, tuple[str, ...]]:
    """Return the registries that each sink is to hold; `registries` are those of providers."""
    found: dict[str, dict[str, None]] = {}
    for route in routes:
        served = [each for name in route.providers for each in registries.get(name, ())]
        for sink in route.sinks:
            found.setdefault(sink, {}).update(dict.fromkeys(served))
    return {sink: tuple(each) for sink, each in found.items()}


def remote(sinks: Mapping[str, Sink]) -> dict[str, Sink]:
    """Return the sinks that can't be read without asking somebody."""
    return {name: sink for name, sink in sinks.items() if isinstance(sink, Remote)}


def check_sinks(
    sinks: Mapping[str, Sink], registries: Mapping[str, tuple[str, ...]], workers: Workers
) -> list[Finding]:
    """Return the targets that can't be read or written, and the entries that nobody would read.

    `registries` are those that each sink is to hold.
    """
    invalid = _validate(sinks)
    found = [
        finding
        for finding in _unreadable(sinks, registries, workers)
        # A target that can't be read for what validation told would tell it again.
        if not any(_repeats(finding, each) for each in invalid)
    ]
    return [*invalid, *found, *_advice(sinks, registries, workers)]


def _repeats(finding: Finding, earlier: Finding) -> bool:
    return finding.subject == earlier.subject and earlier.message in finding.message


def _unreadable(
    sinks: Mapping[str, Sink], registries: Mapping[str, tuple[str, ...]], workers: Workers
) -> Iterator[Finding]:
    calls = {
        name: functools.partial(sink.read, registries.get(name, ())) for name, sink in sinks.items()
    }
    for name, answer in workers.run(calls, _SECONDS).items():
        if answer.error is not None:
            yield _finding(name, answer.error)
            continue
        for target, content in answer.get().items():
            for reason in _reasons(content):
                yield Finding(name, reason if target in reason else f"{target}: {reason}")


def _advice(
    sinks: Mapping[str, Sink], registries: Mapping[str, tuple[str, ...]], workers: Workers
) -> list[Finding]:
    calls = {
        name: functools.partial(sink.advise, registries.get(name, ()))
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
            f"interval is {span(interval)}, but its credentials live for {span(life)}",
            "the real expiry wins; make interval shorter, or leave it out",
        )


def _finding(name: str, error: Exception) -> Finding:
    told = error if isinstance(error, RefresherError) else unforeseen("the plug-in", error)
    return Finding(name, str(told), told.hint)
