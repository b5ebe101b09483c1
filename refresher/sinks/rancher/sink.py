"""The port: every environment that the settings mean is a target, named by its id."""

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from refresher.errors import RefresherError
from refresher.model.plan import Holding
from refresher.ports import Busy, Change, Held, Limits, Outcome, Refused, Tools
from refresher.sinks.outcomes import not_done, told_of
from refresher.sinks.rancher import rows
from refresher.sinks.rancher.advice import advice
from refresher.sinks.rancher.api import CREDENTIALS, REGISTRIES, Api
from refresher.sinks.rancher.connections import Connections
from refresher.sinks.rancher.environments import Environments, Found
from refresher.sinks.rancher.holding import holding
from refresher.sinks.rancher.key import Key
from refresher.sinks.rancher.names import Names
from refresher.sinks.rancher.options import Options
from refresher.sinks.rancher.rows import Seen
from refresher.sinks.rancher.steps import Policy
from refresher.sinks.rancher.talk import Talk, Timeouts
from refresher.sinks.rancher.writing import Writing
from refresher.sinks.sweep import side_by_side

_TIMEOUTS: Final = Timeouts()
_UNREAD: Final = Busy("it was not read: others took all the time")

_Content = Mapping[str, Holding] | Busy | Refused


class RancherSink:
    """The environments of one server, as far as one pair of keys may enter them."""

    def __init__(self, options: Options, tools: Tools, timeouts: Timeouts = _TIMEOUTS) -> None:
        """Take the settings, and the clock and the environment of `tools`; nobody is asked yet."""
        self._options = options
        self._timeouts = timeouts
        self._clock = tools.clock
        self._key = Key(options, tools.env)
        self._connections = Connections(options.url, options.ca_file, tools.env, tools.clock)
        self._environments = Environments(options)
        self._names = Names.of(options.url, tools.names)
        self._policy = Policy(options.create, options.activate, options.several, self._names)
        self._lock = threading.Lock()
        self._failing: set[str] = set()

    def __repr__(self) -> str:
        """Return the type, the server and the environments."""
        return f"{type(self).__name__}({str(self._options.url)!r}, {str(self._environments)!r})"

    def occupies(self) -> str:
        """Return the server and the environments."""
        whose = self._key.source if self._environments.of_the_keys else ""
        return f"rancher {self._options.url} {self._environments} {whose}".strip()

    @property
    def server(self) -> str:
        """The host."""
        return self._options.url.host

    def validate(self) -> None:
        """Raise `PermanentError` if the keys or the authorities can't be used."""
        self._key.authorization()
        self._connections.line()

    @property
    def limits(self) -> Limits:
        """As many environments at once as the server is asked at once."""
        return Limits(self._options.concurrency)

    def read(self, registries: Collection[str]) -> Held:
        """Return what each environment holds for each registry.

        A secret that these keys may not see is `Opaque`. What is missing and may not be
        made, or is inactive and may not be activated, is `Foreign`; `Absent` is what
        a write would put right.

        Raises `RetryableError` or `PermanentError` if the environments can't be told,
        neither by the settings nor by an earlier answer.
        """
        try:
            with self._talk() as talk:
                found = self._environments.find(talk)
                contents = self._read_all(talk, found, registries)
        except RefresherError as error:
            known = self._environments.known
            if not known:
                raise
            return dict.fromkeys(known, not_done(error))
        return {
            each: name if isinstance(name, Refused) else contents[each]
            for each, name in found.items()
        }

    def write(self, target: str, changes: Sequence[Change]) -> Outcome:
        """Put the credentials into the environment, and look whether they are there.

        Waits for the server for about five seconds at most, and in all for 16.
        """
        try:
            with self._talk() as talk:
                return self._write(talk, target, changes)
        except RefresherError as error:
            return not_done(error)

    def advise(self, registries: Collection[str]) -> Sequence[str]:
        """Return what on the server stands in the way of images of `registries`."""
        try:
            with self._talk() as talk:
                found = tuple(advice(Api(talk), registries))
        except RefresherError:
            return ()
        return tuple(f"{self._options.url.host}: {each}" for each in found)

    def _talk(self) -> Talk:
        # First what may fail: no thread waits for it.
        authorization = self._key.authorization()
        line = self._connections.line()
        return Talk(
            self._options.url, line, authorization, self._clock, self._timeouts, names=self._names
        )

    def _write(self, talk: Talk, target: str, changes: Sequence[Change]) -> Outcome:
        if target not in self._environments.known:
            found = self._environments.find(talk)
            if not isinstance(found.get(target), str):
                return Refused(f"{target} is no target of this sink: {self._environments}")
        api = Api(talk, target, self._environments.name(target))
        outcome = Writing(api, self._policy, self._clock).run(changes)
        self._environments.learn({target: api.name})
        return outcome

    def _read_all(
        self, talk: Talk, found: Found, registries: Collection[str]
    ) -> Mapping[str, _Content]:
        """Read the environments, those last that failed before: they may take long again."""
        names = {each: name for each, name in found.items() if isinstance(name, str)}
        apis = {each: Api(talk, each, name) for each, name in names.items()}
        with self._lock:
            failing = self._failing
        contents = side_by_side(
            lambda each: self._read(talk, apis[each], registries),
            sorted(names, key=failing.__contains__),
            self._options.concurrency,
        )
        unread = {each for each, content in contents.items() if content is _UNREAD}
        busy = {each for each, content in contents.items() if isinstance(content, Busy)}
        with self._lock:
            self._failing = (busy - unread) | (failing & unread)
        self._environments.learn({each: api.name for each, api in apis.items()})
        return contents

    def _read(self, talk: Talk, api: Api, registries: Collection[str]) -> _Content:
        if talk.is_over:
            return _UNREAD
        try:
            found = rows.registries(api.rows(REGISTRIES))
            seen = Seen(found, rows.credentials(api.rows(CREDENTIALS)))
        except RefresherError as error:
            return told_of(api.label, not_done(error))
        return {registry: holding(seen, registry, self._policy) for registry in registries}


def build(options: Options, tools: Tools) -> RancherSink:
    """Return the sink. A server that is asked in clear text is warned about."""
    if options.url.in_clear_text:
        tools.notify(
            f"{options.url.host} is asked without TLS: whoever is on the way can read the keys and "
            "the credentials; put a proxy with a certificate before it, and write https:// in "
            f"{Names.of(options.url, tools.names).url}"
        )
    return RancherSink(options, tools)
