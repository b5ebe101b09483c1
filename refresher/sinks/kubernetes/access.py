"""The way to the cluster, kept as long as what describes it stays the same."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from refresher.errors import PermanentError
from refresher.net.pool import Pool
from refresher.ports import Tools
from refresher.sinks.kubernetes import incluster
from refresher.sinks.kubernetes.cluster import Cluster
from refresher.sinks.kubernetes.identity import stamp
from refresher.sinks.kubernetes.kubeconfig import Kubeconfig
from refresher.sinks.kubernetes.options import Options

BODY_LIMIT: Final = 67_108_864
"""Bytes. A page of 500 Secrets has about four million."""

_KUBECONFIG: Final = "KUBECONFIG"
_CONNECT: Final = 4.0


@dataclass(frozen=True, slots=True)
class Way:
    """A cluster and the connections to it."""

    cluster: Cluster
    pool: Pool


class Access:
    """Gives the way of the moment. Safe to use from several threads."""

    def __init__(
        self, options: Options, tools: Tools, mounted: Path = incluster.MOUNTED, *, kept: int
    ) -> None:
        """Read nothing yet. `kept` is how many connections stay open."""
        self._options = options
        self._tools = tools
        self._mounted = mounted
        self._kept = kept
        self._lock = threading.Lock()
        self._way: Way | None = None
        self._told: set[str] = set()

    def __str__(self) -> str:
        """Return what names the cluster, as far as it can be told without reading anything."""
        if self._is_inside:
            return f"https://{self._tools.env[incluster.HOST]}"
        return str(self._kubeconfig)

    def way(self) -> Way:
        """Return the way, made anew if a file that it depends on has changed.

        Raises `PermanentError` if there is none.
        """
        with self._lock:
            way = self._way
            if way is not None:
                if all(stamp(path) == there for path, there in way.cluster.files.items()):
                    return way
                # Calls that are under way go on: only idle connections are closed.
                way.pool.close()
            self._way = None
            self._way = self._made()
            return self._way

    def _made(self) -> Way:
        cluster, clock = self._cluster(), self._tools.clock
        peer = cluster.peer(self._tools.env)
        for defect in _defects(cluster):
            if defect not in self._told:
                self._told.add(defect)
                self._tools.notify(defect)
        return Way(cluster, Pool(peer, clock, kept=self._kept, connect=_CONNECT, limit=BODY_LIMIT))

    @property
    def _is_inside(self) -> bool:
        if self._options.kubeconfig or self._options.context:
            return False
        return incluster.is_inside(self._tools.env, self._mounted)

    @property
    def _kubeconfig(self) -> Kubeconfig:
        env, context = self._tools.env, self._options.context or ""
        if self._options.kubeconfig is not None:
            return Kubeconfig((self._options.kubeconfig,), context)
        named = [Path(each) for each in env.get(_KUBECONFIG, "").split(":") if each]
        usual = [Path(env["HOME"], ".kube", "config")] if env.get("HOME") else []
        # kubectl passes over those that are not there.
        return Kubeconfig(tuple(each for each in named or usual if each.exists()), context)

    def _cluster(self) -> Cluster:
        if self._is_inside:
            return incluster.cluster(self._tools.env, self._mounted)
        kubeconfig = self._kubeconfig
        if not kubeconfig.paths:
            raise PermanentError(
                "no cluster is known: this is no pod with a service account, and there is no "
                "kubeconfig",
                hint="set kubeconfig, or the variable KUBECONFIG",
            )
        return kubeconfig.cluster(self._tools.env, self._tools.clock)


def _defects(cluster: Cluster) -> Iterator[str]:
    can = "whoever is on the way can read the token and the credentials"
    if cluster.server.scheme == "http" and not cluster.server.internal:
        yield f"{cluster.host} is asked without TLS: {can}; write https:// in the kubeconfig"
    elif not cluster.verified:
        yield f"the certificate of {cluster.host} is not checked, as the kubeconfig says: {can}"
