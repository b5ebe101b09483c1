"""The verifier: never raises, and never repeats a credential."""

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from refresher.errors import RefresherError, unforeseen
from refresher.model.credential import Credential
from refresher.ports import Clock, Judgement, Verdict
from refresher.registry.policy import Policy, Trust, trust_of

_SHORTEST_SECRET: Final = 8
"""Characters. A shorter one would be found in ordinary words."""


class RegistryVerifier:
    """Tries credentials as `policy` says. Implements `refresher.ports.Verifier`."""

    def __init__(
        self,
        policy: Policy,
        clock: Clock,
        env: Mapping[str, str],
        trust: Mapping[str, Trust] = MappingProxyType({}),
    ) -> None:
        """`env` may name certificate authorities, in the variables that HTTP clients read.

        `trust` says of single registries, by `host[:port]`, how they are recognised.
        """
        self._policy = policy
        self._clock = clock
        self._env = env
        self._trust = trust

    def validate(self) -> None:
        """Raise `PermanentError` if a file of certificate authorities can't be used."""
        # It loads ssl, for `check` alone.
        from refresher.net.trust import chosen  # noqa: PLC0415

        own = (each for trust in self._trust.values() for each in trust.authorities)
        chosen((*self._policy.authorities, *own), self._env)

    def verify(self, registry: str, credential: Credential, deadline: float) -> Judgement:
        """See `refresher.ports.Verifier`, and for what is which verdict `registry.checking`."""
        try:
            # It loads requests, and a run with nothing due need not pay for that.
            from refresher.registry.checking import check  # noqa: PLC0415

            judgement = check(
                registry,
                credential,
                self._policy,
                self._env,
                self._clock,
                deadline=deadline,
                trust=trust_of(registry, self._trust),
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, it says nothing about the credential
            judgement = inconclusive(error)
        return _without(credential, judgement)


def inconclusive(error: Exception) -> Judgement:
    """Return the judgement that stands for an error on the way."""
    told = error if isinstance(error, RefresherError) else unforeseen("the verifier", error)
    return Judgement(Verdict.INCONCLUSIVE, "; ".join(filter(None, (str(told), told.hint))))


def _without(credential: Credential, judgement: Judgement) -> Judgement:
    """Return the judgement, without its reason if that holds the credential.

    The name of a token server comes from the registry, which knows the credential
    from earlier checks.
    """
    secret = credential.secret.reveal()
    pair = base64.b64encode(f"{credential.username}:{secret}".encode()).decode().rstrip("=")
    reason = judgement.reason.lower()
    for form in (secret, pair, secret.encode().hex()):
        if len(form) >= _SHORTEST_SECRET and form.lower() in reason:
            return Judgement(judgement.verdict, "the registry's answer repeats the credential")
    return judgement
