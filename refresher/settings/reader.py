"""A settings tree becomes settings: frames, plug-in options and routes, with every complaint."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from refresher.errors import PermanentError, Problem, SettingsError
from refresher.model.lease import Terms
from refresher.options import Options
from refresher.plugins import Kind, Plugin, find, known_types
from refresher.ports import Route
from refresher.registry.policy import Mode, Policy, Trust
from refresher.settings.frame import (
    FRAMES,
    NAME,
    Frame,
    ProviderFrame,
    RouteFrame,
    names_of,
)
from refresher.settings.nesting import names_at
from refresher.settings.routing import conflicts, every, idle, strangers
from refresher.settings.tree import FieldPath, Node, field_name
from refresher.settings.trusting import TrustFrame, addresses, defect
from refresher.settings.values import PluginSettings, Settings
from refresher.settings.verifying import Check, VerifyFrame, policies, unproved
from refresher.settings.wording import complaints, ordered

_Model = TypeVar("_Model", bound=Options)


class Reader:
    """Makes settings of a tree, and collects what is wrong with it on the way."""

    def __init__(self, root: Node, source: str, directory: Path, env: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._root = root
        self._source = source
        self._directory = directory
        self._env = env
        self._cause: BaseException | None = None

    def settings(self) -> Settings:
        """Return the settings. Raises `SettingsError`, which lists every complaint."""
        frame = self._validated(Frame, (), self._root.plain(), names_of(Frame))
        providers = self._plugins(Kind.PROVIDER)
        sinks = self._plugins(Kind.SINK)
        checks = self._checks()
        trust = self._trust(check.policy for check in checks)
        routes = tuple(check.route for check in checks)
        registries = {name: _registries(made.options) for name, made in providers.items()}
        for conflict in conflicts(routes, registries):
            at = ("providers", conflict.provider, "registries", conflict.index)
            self._complain(str(conflict), at)
        for check, message in unproved(checks, registries):
            self._complain(message, (*check.at, "images"))
        if frame is None or self.problems:
            raise SettingsError(self._source, ordered(self.problems)) from self._cause
        return Settings(
            self._source,
            self._directory,
            frame.store,
            providers,
            sinks,
            routes,
            policies(checks),
            frame.drift_interval,
            frame.log_level,
            frame.log_format,
            frame.listen,
            frame.start_jitter,
            trust=trust,
            store_password_file=frame.store_password_file,
            store_key_file=frame.store_key_file,
        )

    def _plugins(self, kind: Kind) -> dict[str, PluginSettings]:
        section = self._root.items().get(kind.section, Node(None)).items()
        made = {name: self._plugin(kind, name, node) for name, node in section.items()}
        return {name: plug for name, plug in made.items() if plug and NAME.fullmatch(name)}

    def _plugin(self, kind: Kind, name: str, node: Node) -> PluginSettings | None:
        at = (kind.section, name)
        if not NAME.fullmatch(name):
            self._complain("a name is made of letters, digits, '.', '_' and '-'", at)
        plain = node.plain()
        if not isinstance(plain, dict):
            self._complain("must be a mapping with a type", at)
            return None
        plugin = self._found(kind, at, plain)
        names = names_of(FRAMES[kind])
        common = {name: value for name, value in plain.items() if name in names}
        frame = self._validated(FRAMES[kind], at, common, names)
        if plugin is None:
            return None
        own = {name: value for name, value in plain.items() if name not in names}
        options = self._options(plugin, at, own, (*names, *names_of(plugin.options)))
        if frame is None or options is None:
            return None
        terms = (
            Terms(frame.interval, frame.max_age) if isinstance(frame, ProviderFrame) else Terms()
        )
        return PluginSettings(name, plugin, options, terms, self._origin(plain, options), node.line)

    def _found(self, kind: Kind, at: FieldPath, plain: Mapping[str, object]) -> Plugin | None:
        if "type" not in plain:
            known = ", ".join(known_types(kind))
            self._complain(f"is required; known: {known}", (*at, "type"))
        type_name = plain.get("type")
        if not isinstance(type_name, str):
            return None
        try:
            return find(kind, type_name)
        except PermanentError as error:
            self._cause = error.__cause__ or self._cause
            self._complain(str(error), (*at, "type"))
        return None

    def _options(
        self, plugin: Plugin, at: FieldPath, own: Mapping[str, object], names: Sequence[str]
    ) -> Options | None:
        try:
            return self._validated(plugin.options, at, own, names, ours=plugin.built_in)
        except Exception as error:  # noqa: BLE001 - another package's code: name it, and go on
            self._cause = error
            self._complain(str(plugin.bug(type(error).__name__)), at)
        return None

    def _validated(
        self,
        model: type[_Model],
        at: FieldPath,
        plain: object,
        names: Iterable[str],
        *,
        ours: bool = True,
    ) -> _Model | None:
        context = {"directory": self._directory, "env": self._env}
        try:
            return model.model_validate(plain, context=context)
        except ValidationError as error:
            known = partial(names_at, model, names)
            self.problems += complaints(error, self._root, at, known, ours=ours)
        return None

    def _checks(self) -> tuple[Check, ...]:
        """Return the routes, each with how its credentials are tried."""
        top = self._root.items()
        sections = [top.get(kind.section, Node({})) for kind in Kind]
        written = top.get("routes", Node(None))
        default = self._policy(top, (), Policy())
        before = len(self.problems)
        if written.value is None:
            routes = every(*(section.items() for section in sections))
            checks = tuple(Check(route, default, ("verify",)) for route in routes)
        else:
            checks = tuple(self._written_routes(written.elements(), default))
        whole = all(section.is_mapping() for section in sections) and written.is_list()
        if whole and len(self.problems) == before:
            self.problems += idle(self._root, [check.route for check in checks])
        return checks

    def _written_routes(self, nodes: Sequence[Node], default: Policy) -> Iterator[Check]:
        for position, node in enumerate(nodes):
            at = ("routes", position)
            frame = self._validated(RouteFrame, at, node.plain(), names_of(RouteFrame))
            if frame is not None:
                route = Route(_once(frame.providers), _once(frame.sinks))
                self.problems += strangers(position, self._root, route)
                own = at if "verify" in node.items() else ()
                policy = self._policy(node.items(), at, default)
                yield Check(route, policy, (*own, "verify"))

    def _trust(self, policies: Iterable[Policy]) -> dict[str, Trust]:
        written = self._root.items().get("trust", Node({})).items()
        tried = [each for each in policies if each.mode is not Mode.OFF]
        made = {}
        for text, address, misnamed in addresses(written):
            at = ("trust", text)
            frame = self._validated(TrustFrame, at, written[text].plain(), names_of(TrustFrame))
            trust = Trust() if frame is None else frame.trust()
            wrong = misnamed or (defect(address, trust, tried) if frame else "")
            if wrong:
                self._complain(wrong, at)
            made[address] = trust
        return made

    def _policy(self, where: Mapping[str, Node], at: FieldPath, default: Policy) -> Policy:
        if "verify" not in where:
            return default
        plain = where["verify"].plain()
        written = {"mode": plain} if isinstance(plain, str) else plain
        at = (*at, "verify")
        frame = self._validated(VerifyFrame, at, written, names_of(VerifyFrame))
        return default if frame is None else frame.policy(default)

    def _origin(self, plain: Mapping[str, object], options: Options) -> str:
        named = {
            name: getattr(options, name)
            for name in type(options).model_fields
            if name.endswith("_env")
        }
        values = {name: self._env.get(str(variable)) for name, variable in named.items()}
        text = json.dumps([str(self._directory), plain, values], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _complain(self, message: str, at: FieldPath) -> None:
        line = self._root.follow(at)[1].line
        self.problems.append(Problem(message, field_name(at), line))


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _registries(options: Options) -> Sequence[str]:
    registries = getattr(options, "registries", ())
    return registries if isinstance(registries, tuple | list) else ()
