"""What came of a pass, as values: for the table, the exit code and the next attempt."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from refresher.errors import LockTimeoutError, PermanentError, RefresherError
from refresher.model.lease import Lease
from refresher.model.plan import Action, Create, Keep, Skip, Update, Wait
from refresher.ports import Busy, Outcome, Refused, Written


class Fetch(StrEnum):
    """What happened, or would happen, at the provider."""

    NOT_DUE = "not due"
    FETCHED = "fetched"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    WOULD_FETCH = "would fetch"


_WORDS: Final[Mapping[type, str]] = {
    Busy: "busy",
    Refused: "refused",
    Create: "create",
    Update: "update",
    Keep: "kept",
    Skip: "skipped",
    Wait: "waiting",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One registry at one target: what was decided, and what came of it.

    `outcome` is None where nothing was written: a plan, or nothing to do.
    `drift` tells that the place was supplied with this very credential before,
    `fight` that this happens again and again.
    """

    sink: str
    target: str
    registry: str
    action: Action | None = None
    outcome: Outcome | None = None
    drift: bool = False
    fight: bool = False

    @property
    def place(self) -> tuple[str, str, str]:
        """The sink, the target and the registry."""
        return self.sink, self.target, self.registry

    @property
    def is_write(self) -> bool:
        """Tell whether the decision is to write."""
        return isinstance(self.action, (Create, Update))

    @property
    def ok(self) -> bool:
        """Tell whether the place holds what it should, as far as this run goes."""
        if isinstance(self.action, (Skip, Wait)) or isinstance(self.outcome, (Busy, Refused)):
            return False
        return self.action is not None

    @property
    def word(self) -> str:
        """Return the result, or the decision where nothing was written, in one word."""
        if isinstance(self.outcome, Written):
            return "created" if isinstance(self.action, Create) else "updated"
        return _WORDS[type(self.action if self.outcome is None else self.outcome)]

    @property
    def detail(self) -> str:
        """Return the reason, or what else was done there."""
        match self.outcome:
            case Busy(reason) | Refused(reason):
                return reason
            case Written(notes) if notes:
                return "; ".join(notes)
        match self.action:
            case Keep(reason) | Skip(reason) | Wait(reason):
                return reason
            case _:
                return ""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What calls for a provider's next pass: a moment (None for none), or other input files.

    `inputs` is the digest of the files as they were when that was said.
    """

    wake: datetime | None
    inputs: str = ""


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """What came of one provider's pass; `before` is the lease that it found.

    `upcoming` is None where the pass did not come to its end, or was no whole one.
    """

    provider: str
    lease: Lease
    fetch: Fetch
    reason: str = ""
    error: RefresherError | None = None
    steps: tuple[Step, ...] = ()
    before: Lease = Lease()
    upcoming: Upcoming | None = None

    @property
    def ok(self) -> bool:
        """Tell whether every place holds a credential that no registry objects to."""
        if self.error is not None or self.lease.objections:
            return False
        return all(step.ok for step in self.steps)

    def is_unplanned(self, begun: datetime) -> bool:
        """Tell whether it failed, and no wait was recorded for that since `begun`.

        A failed fetch has one; any other failure of a pass has none.
        """
        failure = self.lease.failure
        return self.error is not None and not (failure and failure.at >= begun)

    @property
    def hopeful(self) -> bool:
        """Tell whether trying again soon may help: something failed, and nothing needs a person."""
        if self.error is not None:
            return not isinstance(self.error, (PermanentError, LockTimeoutError))
        return any(isinstance(step.outcome, Busy) for step in self.steps)

    def after(self, earlier: "ProviderReport") -> "ProviderReport":
        """Return what this pass and an earlier one of the same run did together."""
        if self.error is not None and not self.steps:
            return replace(earlier, error=self.error)
        done = {step.place: step for step in earlier.steps if isinstance(step.outcome, Written)}
        steps = tuple(
            done.get(step.place, step) if isinstance(step.action, Keep) else step
            for step in self.steps
        )
        if self.fetch is not Fetch.NOT_DUE or earlier.fetch is Fetch.FAILED:
            return replace(self, steps=steps)
        return replace(self, fetch=earlier.fetch, reason=earlier.reason, steps=steps)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run over several providers."""

    providers: tuple[ProviderReport, ...] = ()

    @property
    def ok(self) -> bool:
        """Tell whether everything is as it should be."""
        return all(provider.ok for provider in self.providers)

    @property
    def locked_out(self) -> bool:
        """Tell whether other runs that hold locks are all that is wrong."""
        wrong = [provider for provider in self.providers if not provider.ok]
        return bool(wrong) and all(
            isinstance(each.error, LockTimeoutError) and all(step.ok for step in each.steps)
            for each in wrong
        )
