"""The server: a cluster that can be reached, and made to fail."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

from refresher.ports import Clock
from tests.doubles.certificates import Authority
from tests.doubles.kubernetes import files
from tests.doubles.kubernetes.api import Api
from tests.doubles.kubernetes.faults import Fault, Planned
from tests.doubles.kubernetes.message import Answer, Request
from tests.doubles.kubernetes.paths import Attributes, attributes
from tests.doubles.kubernetes.record import Asked, Record, known
from tests.doubles.kubernetes.rules import Rules
from tests.doubles.kubernetes.server import Server
from tests.doubles.kubernetes.statuses import ApiError
from tests.doubles.kubernetes.world import World


class KubernetesDouble(World):
    """An API server on 127.0.0.1. Use it as a context manager."""

    def __init__(
        self,
        authority: Authority | None = None,
        *,
        rules: Rules | None = None,
        clock: Clock | None = None,
        seed: int = 0,
    ) -> None:
        """Bind a free port. With an authority it speaks HTTPS; the rest is as for `World`."""
        super().__init__(rules=rules, clock=clock, seed=seed)
        self._api = Api(self._gate, self.roles, self._reader, self._writer, self._watches)
        self._record = Record()
        self._planned: list[Planned] = []
        self._planning = threading.Lock()
        self._authority = authority
        self._server = self._bound(0)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start to serve."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let hanging connections go, and stop."""
        self.stop()
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port; it stays the same over restarts."""
        return self._server.port

    @property
    def url(self) -> str:
        """The origin."""
        return f"{self._server.scheme}://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path | None:
        """The certificate of the authority."""
        return None if self._authority is None else self._authority.file

    def kubeconfig(self, path: Path, token: str, *, namespace: str = "default") -> Path:
        """Write a kubeconfig with one context for a token, and return its path."""
        return files.kubeconfig(path, self.url, self.ca, token, namespace=namespace)

    def in_cluster(self, folder: Path, token: str, namespace: str) -> files.Mounted:
        """Write what a pod finds at /var/run/secrets/kubernetes.io/serviceaccount."""
        return files.Mounted.at(folder, token, self.ca, namespace)

    def start(self) -> None:
        """Listen."""
        self._released.clear()
        self._server.server_activate()
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.005,), name="kubernetes", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close all connections and refuse new ones. The state stays, and so does the port."""
        if self._thread is None:
            return
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self.end_watches(cut=True)
        self._thread.join()
        self._thread = None
        # Bound and not listening: nobody else gets the port, and who connects is refused.
        self._server = self._bound(self._server.port)

    @contextmanager
    def down(self, *, compact: bool = True) -> Iterator[None]:
        """Be stopped while the block runs. Unless told otherwise, the changes are forgotten."""
        self.stop()
        if compact:
            self.compact()
        try:
            yield
        finally:
            self.start()

    def roll(self) -> None:
        """Close all connections, as when one of several servers behind an address restarts."""
        self._server.hang_up()
        self.end_watches(cut=True)

    def renew(self, authority: Authority) -> None:
        """Restart with a certificate of another authority."""
        self.stop()
        self._server.server_close()
        self._authority = authority
        self._server = self._bound(self._server.port)
        self.start()

    @contextmanager
    def silent_watches(self) -> Iterator[None]:
        """Keep watches open and say nothing in them while the block runs; the events are lost."""
        before, self.rules.watch_delay = self.rules.watch_delay, math.inf
        try:
            yield
        finally:
            self.rules.watch_delay = before

    def fail(self, fault: Fault, times: int | None = 1, **wanted: str) -> None:
        """Answer the next `times` requests about this with a fault; None is until `heal`.

        `wanted` are `method`, `verb`, `group`, `resource`, `subresource`, `namespace`, `name` and
        `user`, as in `Asked`.
        """
        with self._planning:
            self._planned.append(Planned(fault, times, known(wanted)))

    def heal(self) -> None:
        """Forget all faults to come."""
        with self._planning:
            self._planned.clear()

    def asked(self, **wanted: str) -> list[Asked]:
        """Return what was asked about this, in order; see `fail`."""
        return self._record.all(**wanted)

    def writes(self, **wanted: str) -> int:
        """Return how many requests about this meant to change something."""
        return sum(one.writes for one in self.asked(**wanted))

    def forget(self) -> None:
        """Forget what was asked until now."""
        self._record.clear()

    def _bound(self, port: int) -> Server:
        tls = None if self._authority is None else self._authority.server()
        return Server(port, tls, self._respond, self.clock, self.rules)

    def _respond(self, request: Request) -> Answer | None:
        begun = time.monotonic()
        about = attributes(request)
        asked = Asked.of(request, about, self._who(request), begun)
        self._record.add(asked)
        fault = self._next_fault(asked)
        if fault is None:
            answer: Answer | None = self._api.answer(request, about)
        else:
            answer = self._failing(request, about, fault)
        if answer is not None:
            asked.status, asked.sent = answer.status, len(answer.content)
        asked.seconds = time.monotonic() - begun
        return answer

    def _who(self, request: Request) -> str:
        try:
            return self._gate.identify(request.headers.get("authorization", "")).name
        except ApiError:
            return ""

    def _next_fault(self, asked: Asked) -> Fault | None:
        if not self._planned:
            return None
        with self._planning:
            for planned in self._planned:
                if asked.about(planned.wanted):
                    if planned.times is not None:
                        planned.times -= 1
                        if planned.times <= 0:
                            self._planned.remove(planned)
                    return planned.fault
        return None

    def _failing(self, request: Request, about: Attributes, fault: Fault) -> Answer | None:
        hidden = fault.hang or fault.reset or fault.answer is not None
        answer = None
        if fault.applied or not hidden:
            self._released.wait(fault.delay)
            answer = self._api.answer(request, about)
        if fault.hang:
            self._released.wait()
        if fault.hang or fault.reset:
            return None
        if answer is not None and fault.cut:
            return replace(answer, content=answer.content[: len(answer.content) // 2])
        if answer is not None and fault.torn:
            return replace(answer, torn=True)
        return fault.answer or answer
