"""Credential plug-ins of a kubeconfig: programs that give a token, of EKS, GKE, AKS and others.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from refresher.errors import PermanentError, RetryableError
from refresher.model.credential import Secret
from refresher.sinks.kubernetes.identity import bearer

if TYPE_CHECKING:
    from lightkube.config.models import UserExec

_SECONDS: Final = 15.0
_VERSIONS: Final = tuple(
    f"client.authentication.k8s.io/{each}" for each in ("v1", "v1beta1", "v1alpha1")
)
_KIND: Final = "ExecCredential"
_INFO: Final = "KUBERNETES_EXEC_INFO"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A program that answers with a token, within `seconds`."""

    command: tuple[str, ...] = field(repr=False)
    version: str
    env: Mapping[str, str] = field(repr=False)
    seconds: float = _SECONDS

    @classmethod
    def of(cls, described: "UserExec", env: Mapping[str, str]) -> "Plugin":
        """Return the plug-in of a kubeconfig, to be run in `env` and what is described.

        Raises `PermanentError` for one of an unknown version.
        """
        if described.apiVersion not in _VERSIONS:
            raise PermanentError(
                f"the credential plug-in {described.command} is not of {' or '.join(_VERSIONS)}",
                hint="write the kubeconfig anew with the tool of the cloud",
            )
        own = {each.name: each.value for each in described.env or ()}
        words = (described.command, *(described.args or ()))
        return cls(words, described.apiVersion, {**env, **own})

    def __str__(self) -> str:
        """Return what names it; its arguments are not shown."""
        return f"the credential plug-in {Path(self.command[0]).name}"

    def ask(self) -> tuple[Secret, datetime | None]:
        """Run it once, and return the header that it gives, and when that ends, if it says so.

        Raises `RetryableError` or `PermanentError`; neither repeats what it printed.
        """
        status = self._status(self._printed())
        token = status.get("token")
        if not isinstance(token, str):
            raise PermanentError(
                f"{self} gives no token", hint="plug-ins that give certificates are not supported"
            )
        return bearer(Secret(token), f"what {self} gives"), _moment(
            status.get("expirationTimestamp")
        )

    def _printed(self) -> bytes:
        spec = {"interactive": False}
        info = {"apiVersion": self.version, "kind": _KIND, "spec": spec}
        env = {**self.env, _INFO: json.dumps(info)}
        try:
            done = _run(self.command, env, self.seconds)
        except OSError:
            raise PermanentError(
                f"{self} can't be started", hint="install it, or check PATH and the kubeconfig"
            ) from None
        if done is None:
            raise RetryableError(f"{self} did not end within {self.seconds:.3g} s")
        if done.returncode:
            raise RetryableError(
                f"{self} failed (exit {done.returncode})",
                hint="run it by hand, as the kubeconfig says, to see why",
            )
        return done.stdout

    def _status(self, printed: bytes) -> Mapping[str, Any]:
        document = _loaded(printed)
        status = document.get("status") if isinstance(document, dict) else None
        if not isinstance(status, dict):
            raise PermanentError(
                f"{self} prints no {_KIND} with a status", hint="run it by hand to see what it does"
            )
        return status


def _run(
    command: Sequence[str], env: Mapping[str, str], seconds: float
) -> "subprocess.CompletedProcess[bytes] | None":
    with subprocess.Popen(  # noqa: S603 - the kubeconfig says what to run, as with kubectl
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        # An error about the time holds what was printed, so it may not be the context of ours.
        try:
            printed, _ = process.communicate(timeout=seconds)
        except BaseException as error:
            # With all that it started: no orphan stays, and none keeps the pipes open.
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                return None
            raise
    return subprocess.CompletedProcess(command, process.returncode, printed)


def _loaded(printed: bytes) -> object:
    try:
        return json.loads(printed)
    except (ValueError, RecursionError):
        return None


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment and moment.replace(tzinfo=moment.tzinfo or UTC)
