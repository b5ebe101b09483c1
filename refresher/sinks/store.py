"""The registry store of this package as a sink: one environment of it is the target."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from refresher.errors import PermanentError, RetryableError
from refresher.model.credential import Credential
from refresher.model.plan import Absent, Foreign, Holding, Value
from refresher.options import Options as BaseOptions
from refresher.ports import (
    Change,
    Held,
    Outcome,
    Refused,
    Sink,
    Store,
    StoredCredential,
    Tools,
    Written,
)
from refresher.sinks.outcomes import not_done


class Options(BaseOptions):
    """The options of a `store` sink."""

    environment: Annotated[str, Field(min_length=1)] = "default"
    """The environment whose registries are supplied; added when missing."""


def build(options: Options, tools: Tools) -> Sink:
    """Return a sink at the store that the settings name."""
    return StoreSink(tools.store, options.environment)


@dataclass(frozen=True, slots=True)
class StoreSink:
    """One environment of a registry store."""

    store: Store
    environment: str

    def occupies(self) -> str:
        """Return the environment."""
        return f"store environment {self.environment}"

    def read(self, registries: Collection[str]) -> Held:
        """Return what is in use at each of `registries` in the environment."""
        try:
            found = self.store.find_all(self.environment, registries)
            without = [registry for registry in registries if registry not in found]
            obstacles = self.store.obstacles(self.environment, without) if without else {}
        except (RetryableError, PermanentError) as error:
            return {self.environment: not_done(error)}
        return {
            self.environment: {
                registry: _holding(found.get(registry), obstacles.get(registry))
                for registry in registries
            }
        }

    def write(self, target: str, changes: Sequence[Change]) -> Outcome:
        """Put all `changes` in one transaction; if they are refused together, one by one."""
        outcome = self._put(target, changes)
        if not isinstance(outcome, Refused) or len(changes) == 1:
            return outcome
        # One credential that a person has deactivated keeps nothing from the others.
        outcomes = [self._put(target, [change]) for change in changes]
        return next((each for each in outcomes if not isinstance(each, Written)), Written())

    def _put(self, target: str, changes: Sequence[Change]) -> Outcome:
        credentials = {change.registry: _stored(change.credential) for change in changes}
        try:
            self.store.put(target, credentials)
        except (RetryableError, PermanentError) as error:
            return not_done(error)
        return Written()


def _holding(stored: StoredCredential | None, obstacle: str | None) -> Holding:
    if stored is not None:
        return Value(stored.username, stored.secret, stored.email)
    return Absent() if obstacle is None else Foreign(obstacle)


def _stored(credential: Credential) -> StoredCredential:
    return StoredCredential(
        credential.username,
        credential.secret,
        credential.email,
        credential.issued_at,
        credential.expires_at,
    )
