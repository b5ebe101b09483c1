"""A time limit for `credential_process`, which botocore runs without one."""

import atexit
import os
import signal
import subprocess
from contextlib import suppress
from typing import Any

from botocore.credentials import AssumeRoleProvider, ProcessProvider
from botocore.session import Session

from refresher.errors import RetryableError


class BoundedProcess(subprocess.Popen[bytes]):
    """A process that is killed, with all that it started, when it takes too long."""

    def __init__(self, arguments: list[str], *, limit: float, **options: Any) -> None:
        """Start it in a process group of its own. `limit` is seconds."""
        super().__init__(arguments, stdin=subprocess.DEVNULL, start_new_session=True, **options)
        self._limit = limit
        # This process may end before the limit, by a signal for example: no orphan stays.
        atexit.register(self._end)

    def communicate(
        self,
        input: bytes | None = None,  # noqa: A002 - the base's name for it
        timeout: float | None = None,
    ) -> tuple[bytes, bytes]:
        """Return what it wrote. Raises `RetryableError` after the limit."""
        try:
            return super().communicate(input, min(timeout or self._limit, self._limit))
        except subprocess.TimeoutExpired:
            self._stop()
        finally:
            atexit.unregister(self._end)
        raise RetryableError(
            f"the credential_process of the AWS profile took longer than {self._limit:.0f} s",
            hint="run its command by hand: it may wait for an answer that nobody can give",
        )

    def _end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _stop(self) -> None:
        # Not communicate(): a grandchild that left the group could keep the pipes open.
        os.killpg(self.pid, signal.SIGKILL)
        self.wait()
        for pipe in (self.stdout, self.stderr):
            if pipe is not None:
                pipe.close()


def bound_credential_process(session: Session, limit: float) -> None:
    """Let each `credential_process` of the session's profiles run for `limit` seconds at most.

    For those that a `source_profile` names botocore makes a chain of its own. It is reached by
    private names; where a later version lacks them, those run as long as they like.
    """

    def start(arguments: list[str], **options: Any) -> BoundedProcess:
        return BoundedProcess(arguments, limit=limit, **options)

    def bounded(profile_name: str) -> ProcessProvider:
        return ProcessProvider(profile_name, lambda: session.full_config, start)

    chain = session.get_component("credential_provider")
    profile = session.get_config_variable("profile") or "default"
    chain.insert_after(ProcessProvider.METHOD, bounded(profile))
    chain.remove(ProcessProvider.METHOD)
    roles = chain.get_provider(AssumeRoleProvider.METHOD)
    sources: Any = getattr(roles, "_profile_provider_builder", None)
    with suppress(AttributeError):
        sources._create_process_provider = bounded  # noqa: SLF001 - see above
