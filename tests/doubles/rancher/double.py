"""The server: a world that can be reached, and made to fail."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Self

from refresher.ports import Clock
from tests.doubles.rancher.access import KeyKind
from tests.doubles.rancher.api import Api
from tests.doubles.rancher.faults import Fault, Planned
from tests.doubles.rancher.message import Answer, Request
from tests.doubles.rancher.record import Asked, Record, known, subject
from tests.doubles.rancher.rules import Rules
from tests.doubles.rancher.server import Server
from tests.doubles.rancher.world import World


class RancherDouble(World):
    """A Rancher server on 127.0.0.1. Use it as a context manager."""

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        *,
        rules: Rules | None = None,
        clock: Clock | None = None,
        seed: int = 0,
    ) -> None:
        """Bind a free port. With `tls` it speaks HTTPS; the rest is as for `World`."""
        super().__init__(rules=rules, clock=clock, seed=seed)
        self._api = Api(self.rules, self._database, self._gate)
        self._record = Record()
        self._planned: list[Planned] = []
        self._planning = threading.Lock()
        self._released = threading.Event()
        self._tls = tls
        self._server = Server(0, tls, self._respond)
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
    def host(self) -> str:
        """The host and port; they stay the same over restarts."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """The origin. The API is at `/v2-beta` and `/v1` below it."""
        return f"{self._server.scheme}://{self.host}"

    def container_environment(self, project: str, roles: str = "environment") -> dict[str, str]:
        """Return the variables of a container with `roles` in io.rancher.container.agent.role.

        The URL is the one that the host was registered with: it names no project.
        """
        names = roles.split(",")
        admin = "environmentAdmin" in names
        key = self.environment_key(project, KeyKind.AGENT_ADMIN if admin else KeyKind.AGENT)
        prefix = "CATTLE" if len(names) == 1 else "CATTLE_ENVIRONMENT"
        return {
            "CATTLE_URL": f"{self.url}/v1",
            "CATTLE_CONFIG_URL": f"{self.url}/v1",
            f"{prefix}_ACCESS_KEY": key.access,
            f"{prefix}_SECRET_KEY": key.secret,
        }

    def start(self) -> None:
        """Listen."""
        self._released.clear()
        self._server.server_activate()
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.005,), name="rancher", daemon=True
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
        self._thread.join()
        self._thread = None
        # Bound and not listening: nobody else gets the port, and who connects is refused.
        self._server = Server(self._server.server_port, self._tls, self._respond)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Be stopped while the block runs."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def fail(self, fault: Fault, times: int | None = 1, **wanted: str) -> None:
        """Answer the next `times` requests about this with a fault; None is until `heal`.

        `wanted` are `method`, `kind`, `id`, `action` and `project`, as in `Asked`.
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

    def writes(self, project: str | None = None) -> int:
        """Return how many requests meant to change something, in one project or in all."""
        wanted = {} if project is None else {"project": project}
        return sum(one.writes for one in self.asked(**wanted))

    def forget(self) -> None:
        """Forget what was asked until now."""
        self._record.clear()

    def _respond(self, request: Request) -> Answer | None:
        begun = time.perf_counter()
        if self.rules.public_url is not None:
            request = replace(request, origin=self.rules.public_url)
        about = subject(request, self._gate.target(request))
        asked = self._record.add(request, about, self._gate.name(request))
        fault = self._next_fault(about)
        answer = self._api.answer(request) if fault is None else self._failing(request, fault)
        asked.status = 0 if answer is None else answer.status
        asked.seconds = time.perf_counter() - begun
        return answer

    def _next_fault(self, about: dict[str, str]) -> Fault | None:
        with self._planning:
            for planned in self._planned:
                if planned.takes(about):
                    if planned.times is not None:
                        planned.times -= 1
                        if planned.times <= 0:
                            self._planned.remove(planned)
                    return planned.fault
        return None

    def _failing(self, request: Request, fault: Fault) -> Answer | None:
        if fault.lost:
            with self._database.undone():
                return self._api.answer(request)
        hidden = fault.hang or fault.reset or fault.answer is not None
        answer = None
        if fault.applied or not hidden:
            self._released.wait(fault.delay)
            answer = self._api.answer(request)
        if fault.hang:
            self._released.wait()
        if fault.hang or fault.reset:
            return None
        if fault.cut and answer is not None:
            whole = answer.encoded().decode()
            return replace(answer, text=whole[: len(whole) // 2])
        return fault.answer or answer
