"""From settings to objects: every plug-in is built, and routes name what was built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from refresher.errors import Problem, RefresherError, SettingsError
from refresher.model.credential import Secret
from refresher.model.plan import Fingerprint
from refresher.plugins import Kind
from refresher.ports import (
    Clock,
    Declares,
    Event,
    EventName,
    Events,
    Occupies,
    Route,
    Severity,
    Sink,
    Source,
    Store,
    Tools,
)
from refresher.registry.policy import trust_of
from refresher.registry.verifier import RegistryVerifier
from refresher.settings import PluginSettings, Settings
from refresher.settings.routing import conflicts
from refresher.settings.tree import field_name
from refresher.settings.wording import ordered


@dataclass(frozen=True, slots=True)
class Wiring:
    """What an engine is made of: providers and sinks by name, and which feed which."""

    sources: Mapping[str, Source]
    sinks: Mapping[str, Sink]
    routes: tuple[Route, ...]


def wire(
    settings: Settings,
    *,
    clock: Clock,
    store: Store,
    env: Mapping[str, str],
    events: Events,
    fingerprint: Fingerprint,
) -> Wiring:
    """Build every provider and sink of `settings`.

    A provider that its plug-in builds as several is named `prod/us-west-2` and
    so on. What settings and plug-ins tell a person, and which registries are insecure,
    becomes a `notice` among the `events`. `fingerprint` makes the digest of a provider's
    settings, under a key: options may hold a weak password.

    Raises `SettingsError`, which lists every plug-in that could not be built.
    """
    builder = _Builder(Tools(clock, store, env), events)
    providers = {name: builder.built(plug) for name, plug in settings.providers.items()}
    sinks = [builder.built(plug) for plug in settings.sinks.values()]
    if builder.problems:
        raise SettingsError(settings.source, ordered(builder.problems)) from builder.cause
    sources: dict[str, Source] = {}
    for name, parts in providers.items():
        plug = settings.providers[name]
        digest = fingerprint(plug.plugin.name, Secret(plug.origin)).hex()
        verifier = _verifier(settings, name, clock, env)
        sources |= {
            full: Source(part, plug.terms, digest, verifier) for full, part in parts.items()
        }
    routes = tuple(
        Route(tuple(full for name in route.providers for full in providers[name]), route.sinks)
        for route in settings.routes
    )
    _refuse_conflicts(settings, sources, routes)
    made = {name: sink for parts in sinks for name, sink in parts.items()}
    _refuse_twins(settings, made)
    _tell(settings, sources, events)
    return Wiring(sources, made, routes)


def _verifier(
    settings: Settings, name: str, clock: Clock, env: Mapping[str, str]
) -> RegistryVerifier | None:
    policy = settings.verify.get(name)
    return None if policy is None else RegistryVerifier(policy, clock, env, settings.trust)


def _tell(settings: Settings, sources: Mapping[str, Source], events: Events) -> None:
    for text in settings.notices:
        events.emit(Event(EventName.NOTICE, Severity.WARNING, detail=text))
    _tell_insecure(settings, events)
    _tell_strangers(settings, sources, events)


def _tell_insecure(settings: Settings, events: Events) -> None:
    hosts = [host for policy in settings.verify.values() for host in policy.insecure]
    if settings.verify:
        hosts += [host for host, trust in settings.trust.items() if trust.insecure]
    for host in dict.fromkeys(hosts):
        events.emit(
            Event(
                EventName.NOTICE,
                Severity.WARNING,
                registries=(host,),
                detail=f"{host} is insecure by the settings: whoever is on the way can read "
                "credentials",
                hint="give it a certificate, and name its authority in trust",
            )
        )


def _tell_strangers(settings: Settings, sources: Mapping[str, Source], events: Events) -> None:
    """Tell of registries in `trust` that no provider serves: the port may be wrong, or the name."""
    providers = [source.provider for source in sources.values()]
    served = [each.registries for each in providers if isinstance(each, Declares)]
    # Who says nothing learns later what it serves.
    if not served or not all(served) or len(served) < len(providers):
        return
    hosts = [each for registries in served for each in registries]
    for host, trust in settings.trust.items():
        if not any(trust_of(each, {host: trust}) == trust for each in hosts):
            events.emit(
                Event(
                    EventName.NOTICE,
                    Severity.WARNING,
                    registries=(host,),
                    detail=f"trust names {host}, which no provider serves",
                    hint="check its name and port; hosts of token servers go into verify",
                )
            )


def _refuse_twins(settings: Settings, sinks: Mapping[str, Sink]) -> None:
    """Refuse two sinks over one place: they would undo each other's entries for ever."""
    owners: dict[str, str] = {}
    problems = []
    for name, sink in sinks.items():
        if not isinstance(sink, Occupies):
            continue
        first = owners.setdefault(sink.occupies(), name)
        if first != name:
            problems.append(_problem(settings.sinks[name], f"writes to the same place as {first}"))
    if problems:
        raise SettingsError(settings.source, ordered(problems))


def _refuse_conflicts(
    settings: Settings, sources: Mapping[str, Source], routes: Sequence[Route]
) -> None:
    # The settings were looked through by their words; only now it is known, for example,
    # that gcr.io/one and gcr.io/two are one registry.
    registries = {
        name: source.provider.registries
        for name, source in sources.items()
        if isinstance(source.provider, Declares)
    }
    problems = [
        _problem(settings.providers[conflict.provider.partition("/")[0]], str(conflict))
        for conflict in conflicts(routes, registries)
    ]
    if problems:
        raise SettingsError(settings.source, ordered(problems))


def _problem(plug: PluginSettings, message: str) -> Problem:
    return Problem(message, field_name((plug.plugin.kind.section, plug.name)), plug.line)


class _Builder:
    """Calls the plug-ins, and collects what goes wrong with any of them."""

    def __init__(self, tools: Tools, events: Events) -> None:
        self.problems: list[Problem] = []
        self.cause: BaseException | None = None
        self._tools = tools
        self._events = events

    def built(self, plug: PluginSettings) -> Mapping[str, Any]:
        """Return what the plug-in built, by full name; nothing after a complaint."""
        try:
            notify = partial(self._notice, plug)
            return _built(plug, replace(self._tools, notify=notify, names=plug.names))
        except RefresherError as error:
            self.cause = error.__cause__ or self.cause
            message = ": ".join(filter(None, (str(error), error.hint)))
            self.problems.append(_problem(plug, message))
            return {}

    def _notice(self, plug: PluginSettings, text: str) -> None:
        event = Event(EventName.NOTICE, Severity.WARNING, detail=text)
        if plug.plugin.kind is Kind.PROVIDER:
            self._events.emit(replace(event, provider=plug.name))
        else:
            self._events.emit(replace(event, sink=plug.name))


def _built(plug: PluginSettings, tools: Tools) -> Mapping[str, Any]:
    plugin = plug.plugin
    try:
        built = plugin.build(plug.options, tools)
    except RefresherError:
        raise
    except (Exception, SystemExit) as error:
        # Perhaps another package's code: it is named, and the others are still looked at.
        raise plugin.bug(type(error).__name__) from error
    parts = {plug.name: built}
    if plugin.kind is Kind.PROVIDER and isinstance(built, Mapping):
        parts = {f"{plug.name}/{suffix}": provider for suffix, provider in built.items()}
    if not parts or not all(_is(plugin.kind, part) for part in parts.values()):
        raise plugin.bug(f"it built no {plugin.kind}")
    return parts


def _is(kind: Kind, built: object) -> bool:
    methods = ("fetch",) if kind is Kind.PROVIDER else ("read", "write")
    return all(callable(getattr(built, method, None)) for method in methods)
