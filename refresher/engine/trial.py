"""Try a credential at its registries, before the places get it and as long as they hold it."""

import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from refresher.engine.kit import Kit
from refresher.engine.workers import Answer
from refresher.errors import PermanentError
from refresher.model.credential import Credential
from refresher.model.lease import Lease, Objection
from refresher.ports import Event, EventName, Judgement, Severity, Verdict, Verifier

_SECONDS: Final = 10.0
"""How long the registries may take; one that says nothing by then has said nothing."""

_GRACE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Trial:
    """Asks the registries of one provider. Without a verifier none objects."""

    provider: str
    verifier: Verifier | None
    kit: Kit

    def objections(
        self,
        credential: Credential,
        registries: Collection[str],
        seconds: float,
        before: Iterable[Objection] = (),
    ) -> tuple[Objection, ...]:
        """Return what the registries have against the credential, asked side by side.

        One that gives no clear answer within `seconds` (ten at most) objects as it
        did `before`; where it did not, that it gave none is told.
        """
        known = {each.registry: each for each in before}
        found = []
        for registry, judgement in self._ask(credential, registries, seconds).items():
            match judgement.verdict:
                case Verdict.REFUSED:
                    found.append(Objection(registry, judgement.reason))
                case Verdict.FORBIDDEN:
                    found.append(Objection(registry, judgement.reason, refused=False))
                case Verdict.INCONCLUSIVE if registry in known:
                    found.append(known[registry])
                case Verdict.INCONCLUSIVE:
                    self._tell(registry, judgement.reason)
        return tuple(found)

    def compared(
        self,
        old: Lease,
        new: Lease,
        credential: Credential,
        find: Callable[[], Credential | None],
        seconds: float,
    ) -> tuple[Lease, Lease]:
        """Return both leases with what registries have against the credentials now.

        The old one, which `find` gives if it is at hand, is tried where the new
        one is refused: is it any better?
        """
        same = new.fingerprint == old.fingerprint
        before = old.objections if same else ()
        objections = self.objections(credential, new.registries, seconds, before)
        new = replace(new, objections=objections)
        in_use = find() if new.refused and not same else None
        if in_use is None:
            return old, new
        asked = self.objections(in_use, new.refused, seconds, old.objections)
        others = (each for each in old.objections if each.registry not in new.refused)
        return replace(old, objections=(*others, *asked)), new

    def _ask(
        self, credential: Credential, registries: Collection[str], seconds: float
    ) -> Mapping[str, Judgement]:
        if self.verifier is None:
            return {}
        limit = min(seconds, _SECONDS)
        calls = {
            registry: functools.partial(self.verifier.verify, registry, credential, limit)
            for registry in registries
        }
        answers = self.kit.run(f"{self.provider} verify", calls, limit + _GRACE)
        return {registry: _judgement(answer) for registry, answer in answers.items()}

    def _tell(self, registry: str, reason: str) -> None:
        self.kit.events.emit(
            Event(
                EventName.UNVERIFIED,
                Severity.WARNING,
                self.provider,
                registries=(registry,),
                detail=f"it is not known whether {registry} takes the credential: {reason}",
            )
        )


def _judgement(answer: Answer[Judgement]) -> Judgement:
    judgement: object = answer.value
    if isinstance(judgement, Judgement):
        return judgement
    reason = "the verifier gave no judgement" if answer.error is None else str(answer.error)
    return Judgement(Verdict.INCONCLUSIVE, reason)


def refused(lease: Lease) -> PermanentError:
    """Return the error that stands for a refusal of the lease's credential."""
    reasons = (f"{each.registry}: {each.reason}" for each in lease.objections if each.refused)
    return PermanentError(
        f"the new credential is refused by {'; '.join(reasons)}",
        hint="what is in use stays until shortly before its end, and another one is asked for; "
        "check the user name and where the secret comes from",
    )
