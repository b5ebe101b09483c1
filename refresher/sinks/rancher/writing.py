"""Takes the steps at one environment until every change is settled, and verifies the outcome."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Final

from refresher.errors import RefresherError
from refresher.model.credential import Secret
from refresher.ports import Busy, Change, Clock, Outcome, Refused, Written
from refresher.sinks.outcomes import not_done, together
from refresher.sinks.rancher import rows
from refresher.sinks.rancher.api import CREDENTIALS, REGISTRIES, Api
from refresher.sinks.rancher.faults import LIMIT, MovedError
from refresher.sinks.rancher.rows import Credential, Registry, Seen
from refresher.sinks.rancher.steps import (
    Activate,
    Await,
    Blocked,
    Deactivate,
    MakeCredential,
    MakeRegistry,
    Policy,
    Put,
    Settled,
    Step,
    misspelt,
    next_step,
)

EMAIL: Final = "not-really@required.anymore"
"""Servers from before March 2017 want some address with a new credential, and don't use it."""

MARK: Final = "Kept up to date by refresher"
"""What the description of a credential that was made here begins with; the moment follows."""

_LOST: Final = "and shows that it did not"
_CONFLICTS: Final = 3
_PAUSES: Final = (0.1, 0.2, 0.4, 0.8, 1.5, 2.0)
"""Seconds between two looks while the server is at work."""


_OF_CREDENTIALS: Final = (Put, MakeCredential, Deactivate)
"""Steps that leave registries as they are."""


@dataclass(slots=True)
class Job:
    """One change, how far it has come, and what to tell of it."""

    change: Change
    supplied: set[str] = field(default_factory=set)
    taken: set[tuple[type[Step], str]] = field(default_factory=set)
    conflicts: int = 0
    step: Step | None = None
    notes: list[str] = field(default_factory=list)
    outcome: Outcome | None = None

    @property
    def address(self) -> str:
        """The registry, in canonical form."""
        return self.change.registry


class Writing:
    """One write at one environment."""

    def __init__(self, api: Api, policy: Policy, clock: Clock) -> None:
        """Take the environment and what the settings allow."""
        self._api = api
        self._policy = policy
        self._clock = clock
        self._pauses = list(_PAUSES)
        # It differs from that of any other write, and so shows that this one was kept.
        self._mark = f"{MARK}, {clock.now():%Y-%m-%dT%H:%M:%S.%fZ}"

    def run(self, changes: Sequence[Change]) -> Outcome:
        """Make the changes and return what came of them; one that fails hides no other."""
        jobs = [Job(change) for change in changes]
        for job in jobs:
            job.outcome = too_long(job.change)
        seen: Seen | None = None
        while pending := [job for job in jobs if job.outcome is None]:
            try:
                seen = self._look(seen, pending)
            except RefresherError as error:
                for job in pending:
                    job.outcome = not_done(error)
                break
            for job in pending:
                self._advance(job, seen)
            self._rest([job for job in pending if job.outcome is None])
        return together(self._api.label, [job.outcome for job in jobs])

    def _look(self, before: Seen | None, pending: Iterable[Job]) -> Seen:
        """List what is there. Registries that no step has touched are not asked for again."""
        if before is not None and all(isinstance(job.step, _OF_CREDENTIALS) for job in pending):
            registries = before.registries
        else:
            registries = rows.registries(self._api.rows(REGISTRIES))
        return Seen(registries, rows.credentials(self._api.rows(CREDENTIALS)))

    def _advance(self, job: Job, seen: Seen) -> None:
        step = job.step = next_step(seen, job.address, self._policy, job.supplied)
        match step:
            case Settled(kept, registries):
                job.outcome = self._verified(job, kept, registries)
            case Blocked(reason):
                job.outcome = Refused(reason)
            case Await():
                return
            case _:
                self._attempt(job, step)

    def _attempt(self, job: Job, step: Step) -> None:
        key = (type(step), _subject(step))
        if key in job.taken:
            job.outcome = Busy(
                f"{job.address}: the server said that it did what was asked, {_LOST}"
            )
            return
        try:
            self._take(job, step)
        except MovedError as error:
            job.step = None
            job.conflicts += 1
            if job.conflicts > _CONFLICTS:
                job.outcome = not_done(error)
        except RefresherError as error:
            job.outcome = not_done(error)
        else:
            job.taken.add(key)

    def _take(self, job: Job, step: Step) -> None:
        api, address = self._api, job.address
        match step:
            case Put(row):
                api.change(CREDENTIALS, row.id, _named(row, address), self._body(job, row))
                job.supplied.add(row.id)
            case MakeRegistry(spelt):
                row_id = api.make(REGISTRIES, f"the registry {address}", {"serverAddress": spelt})
                job.notes.append(f"made the registry {row_id} of {spelt}")
            case MakeCredential(registry):
                what = f"a credential of {address}"
                row_id = api.make(CREDENTIALS, what, self._new(job, registry))
                job.supplied.add(row_id)
                job.notes.append(f"made the credential {row_id} of {address}")
            case Activate(row):
                api.act(_kind(row), row.id, _named(row, address), "activate")
                job.notes.append(f"activated {_named(row, address)}")
            case Deactivate(row, kept):
                api.act(CREDENTIALS, row.id, _named(row, address), "deactivate")
                job.notes.append(
                    f"deactivated {_named(row, address)}: several were active, {kept.id} is kept"
                )

    def _body(self, job: Job, row: Credential) -> dict[str, str]:
        credential = job.change.credential
        body = {"publicValue": credential.username, "secretValue": credential.secret.reveal()}
        # What a person has written there stays.
        return body | ({"description": self._mark} if _is_ours(row) else {})

    def _new(self, job: Job, registry: Registry) -> dict[str, str]:
        credential = job.change.credential
        return {
            "registryId": registry.id,
            "publicValue": credential.username,
            "secretValue": credential.secret.reveal(),
            "email": EMAIL,
            "description": self._mark,
        }

    def _verified(
        self, job: Job, kept: Iterable[Credential], registries: Iterable[Registry]
    ) -> Outcome:
        for row in kept:
            if not self._is_kept(row, job.change):
                return Busy(f"the server said that it changed {_named(row, job.address)}, {_LOST}")
        note = misspelt(registries, job.address)
        return Written((*job.notes, *((note,) if note else ())))

    def _is_kept(self, row: Credential, change: Change) -> bool:
        """Tell whether all that can be seen of a write is there."""
        wanted: Secret = change.credential.secret
        return (
            row.username == change.credential.username
            and (row.secret is None or row.secret == wanted)
            and (not _is_ours(row) or row.description == self._mark)
        )

    def _rest(self, pending: Sequence[Job]) -> None:
        """Let the server work, where nothing else is left to do; give up in the end."""
        rows_at_work = [job.step.row for job in pending if isinstance(job.step, Await)]
        if not pending or len(rows_at_work) < len(pending):
            return
        if self._pauses:
            self._clock.wait(self._pauses.pop(0), Event())
            return
        for job, row in zip(pending, rows_at_work, strict=True):
            job.outcome = Busy(f"{_named(row, job.address)} is still changing its state")


def too_long(change: Change) -> Refused | None:
    """Return why Rancher can't keep a credential, None if it can."""
    parts = {
        "user name": change.credential.username,
        "secret": change.credential.secret.reveal(),
    }
    for what, text in parts.items():
        # Java counts so: two for what lies beyond the first 65,536 characters.
        length = len(text.encode("utf-16-le")) // 2
        if length > LIMIT:
            return Refused(
                f"{change.registry}: the {what} has {length} characters, and Rancher keeps {LIMIT} "
                "at most: use a shorter one"
            )
    return None


def _kind(row: Registry | Credential) -> str:
    return REGISTRIES if isinstance(row, Registry) else CREDENTIALS


def _subject(step: Step) -> str:
    match step:
        case Put(row) | Activate(row) | Deactivate(row) | MakeCredential(row):
            return row.id
        case _:
            return ""


def _named(row: Registry | Credential, address: str) -> str:
    what = "registry" if isinstance(row, Registry) else "credential"
    return f"the {what} {row.id} of {address}"


def _is_ours(row: Credential) -> bool:
    return row.description.startswith(MARK)
