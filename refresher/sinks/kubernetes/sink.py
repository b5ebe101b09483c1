"""The port: every namespace that the settings mean is a target, by its name."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError, RefresherError, RetryableError
from refresher.model.plan import Holding
from refresher.ports import Busy, Change, Held, Limits, Outcome, Refused, Tools
from refresher.sinks.kubernetes import rules
from refresher.sinks.kubernetes.access import Access
from refresher.sinks.kubernetes.advice import advice
from refresher.sinks.kubernetes.api import Api
from refresher.sinks.kubernetes.choice import Namespaces, is_pattern
from refresher.sinks.kubernetes.holding import content
from refresher.sinks.kubernetes.incluster import MOUNTED, NAMESPACE
from refresher.sinks.kubernetes.options import Options
from refresher.sinks.kubernetes.pullsecret import PullSecrets
from refresher.sinks.kubernetes.retiring import Retiring
from refresher.sinks.kubernetes.seen import Seen, Targets
from refresher.sinks.kubernetes.survey import Look, Survey
from refresher.sinks.kubernetes.talk import Talk, Timeouts
from refresher.sinks.kubernetes.writing import Writing
from refresher.sinks.outcomes import not_done, told_of

_TIMEOUTS: Final = Timeouts()


class KubernetesSink:
    """The namespaces of one cluster, as far as the settings mean them."""

    def __init__(
        self,
        options: Options,
        tools: Tools,
        timeouts: Timeouts = _TIMEOUTS,
        mounted: Path = MOUNTED,
    ) -> None:
        """Take the settings, the clock and the environment; nobody is asked yet.

        `mounted` is where a pod finds its service account's files.
        """
        self._options = options
        self._clock = tools.clock
        self._timeouts = timeouts
        self._access = Access(options, tools, mounted, kept=options.concurrency)
        self._secrets = PullSecrets(adopt=options.adopt)
        self._accounts = options.accounts
        self._targets = Targets()

    def __repr__(self) -> str:
        """Return the type, the cluster, the namespaces and the Secret."""
        return f"{type(self).__name__}({str(self._access)!r}, {self._where!r}, {self._name!r})"

    def occupies(self) -> str:
        """Return the cluster, the namespaces and the Secret."""
        return f"kubernetes {self._access} {self._where} {self._name}"

    def validate(self) -> None:
        """Raise `PermanentError` if it is not known where the cluster is, or who we are there."""
        cluster = self._access.way().cluster
        self._chosen(cluster.namespace)
        cluster.identity.authorization()

    @property
    def server(self) -> str:
        """The cluster, as far as it can be told without reading anything."""
        return str(self._access)

    @property
    def limits(self) -> Limits:
        """As many namespaces at once as the settings say."""
        return Limits(self._options.concurrency)

    def read(self, registries: Collection[str]) -> Held:
        """Return what pods of each namespace find for each registry.

        A Secret that is not ours to change is `Foreign`. `Absent` is what a write would put right,
        a service account that does not name the Secret, too.

        Raises `RetryableError` or `PermanentError` if the namespaces can't be told, and if none
        is there.
        """
        talk = self._talk(self._timeouts.read)
        chosen = self._chosen(talk.way.cluster.namespace)
        names = tuple(self._options.secret.all(registries))
        look = Survey(chosen, names, self._accounts, self._options.concurrency).look(Api(talk))
        if not look:
            raise RetryableError(
                f"no namespace of {talk.host} matches {chosen}",
                hint="correct namespaces, or make one; it is looked for again",
            )
        self._learn(look)
        return {each: self._content(each, seen, registries) for each, seen in look.items()}

    def write(self, target: str, changes: Sequence[Change]) -> Outcome:
        """Put the credentials into the Secrets of a namespace, and name these in its accounts.

        The server's answer shows that they are there. Waits for 16 seconds at most in all.
        """
        try:
            talk = self._talk(self._timeouts.write)
            chosen = self._chosen(talk.way.cluster.namespace)
            if not chosen.fits(target):
                return _stranger(target, chosen)
            return self._write(Api(talk), target, changes)
        except RefresherError as error:
            return not_done(error)

    def retire(self, target: str, registries: Collection[str]) -> Outcome:
        """Delete the Secrets that we made in a namespace, and take our entries out of others.

        The service accounts that the settings mean lose the name of a deleted Secret before. Waits
        for 16 seconds at most in all.
        """
        try:
            talk = self._talk(self._timeouts.write)
            chosen = self._chosen(talk.way.cluster.namespace)
            if not chosen.fits(target):
                return _stranger(target, chosen)
            return self._retire(Api(talk), target, registries)
        except RefresherError as error:
            return not_done(error)

    def advise(self, registries: Collection[str]) -> Sequence[str]:
        """Return which rights are missing to read and write here, and the rules that give them."""
        try:
            talk = self._talk(self._timeouts.read)
            cluster = talk.way.cluster
            names = tuple(self._options.secret.all(registries))
            needed = rules.needed(self._chosen(cluster.namespace), names, self._accounts)
            found = advice(Api(talk), needed, cluster.identity.source, self._options.concurrency)
            return tuple(f"{cluster.host}: {each}" for each in found)
        except RefresherError:
            # Whoever can't be asked about rights can't be read either, which is told.
            return ()

    @property
    def _where(self) -> str:
        given = self._options.namespaces
        return "the own namespace" if given is None else str(given.chosen)

    @property
    def _name(self) -> str:
        return str(self._options.secret)

    def _talk(self, whole: float) -> Talk:
        # First what may fail: no call is begun for nothing.
        way = self._access.way()
        return Talk(way, self._clock, answer=self._timeouts.answer, whole=whole)

    def _chosen(self, own: str) -> Namespaces:
        if self._options.namespaces is None and (not own or is_pattern(own)):
            raise PermanentError(
                "the pod's own namespace is not known",
                hint=f"name the namespaces in namespaces, or set the variable {NAMESPACE}",
            )
        return self._options.chosen(own)

    def _learn(self, look: Look) -> None:
        seen = {each: found for each, found in look.items() if isinstance(found, Seen)}
        self._targets.learn(seen, look)

    def _content(
        self, namespace: str, seen: Seen | Busy | Refused, registries: Collection[str]
    ) -> Mapping[str, Holding] | Busy | Refused:
        found: Mapping[str, Holding] | Busy | Refused
        if isinstance(seen, Seen):
            name, accounts = self._options.secret, self._accounts
            found = content(seen, registries, name, accounts, self._secrets)
        else:
            found = seen
        return found if isinstance(found, Mapping) else told_of(f"namespace {namespace}", found)

    def _write(self, api: Api, namespace: str, changes: Sequence[Change]) -> Outcome:
        target = self._targets.of(namespace)
        with target.turn:
            name, accounts = self._options.secret, self._accounts
            writing = Writing(api, namespace, name, accounts, self._secrets)
            target.seen, outcome = writing.run(target.seen, changes)
        return outcome

    def _retire(self, api: Api, namespace: str, registries: Collection[str]) -> Outcome:
        names, target = self._options.secret.all(registries), self._targets.of(namespace)
        if self._options.secret.is_fixed:
            names = {self._name: tuple(registries)}
        with target.turn:
            seen, target.seen = target.seen, Seen()
            return Retiring(api, namespace, self._accounts).run(seen, names)


def _stranger(target: str, chosen: Namespaces) -> Refused:
    return Refused(f"{target} is no target of this sink: {chosen}")


def build(options: Options, tools: Tools) -> KubernetesSink:
    """Return the sink; nothing is read or asked yet."""
    return KubernetesSink(options, tools)
