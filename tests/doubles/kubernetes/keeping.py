"""From a decoded object to a stored one: admission, validation, owners, and then the storage.

k8s.io/apiserver: pkg/registry/generic/registry/store.go and pkg/registry/rest.
"""

import random
import uuid
from dataclasses import dataclass
from typing import Any, Final

from refresher.ports import Clock
from tests.doubles.kubernetes import identity, ownership, strategies
from tests.doubles.kubernetes.admission import Admission, Review
from tests.doubles.kubernetes.kinds import KINDS, NAMESPACE, SERVICE_ACCOUNT, Kind
from tests.doubles.kubernetes.message import Body, Options, encoded
from tests.doubles.kubernetes.ownership import Owner
from tests.doubles.kubernetes.rules import Rules
from tests.doubles.kubernetes.statuses import already_exists, conflict
from tests.doubles.kubernetes.storage import Key, Storage, Stored

_SUFFIX: Final = "bcdfghjklmnpqrstvwxz2456789"
_LONGEST_BASE: Final = 58
_CONTROLLER: Final = Options("kube-controller-manager")
_NOT_CREATED: Final = ("managedFields", "deletionTimestamp", "deletionGracePeriodSeconds")


@dataclass(frozen=True)
class Attempt:
    """A write: of what, by whom, and how. The name is empty where one is to be made."""

    kind: Kind
    key: Key
    options: Options
    owner: Owner

    @classmethod
    def of(
        cls, kind: Kind, key: Key, options: Options, operation: str = "Update", part: str = ""
    ) -> "Attempt":
        """Return a write of an object, or of a subresource, by the manager in its options."""
        owner = Owner(options.manager, operation, kind.api_version, part)
        return cls(kind, key, options, owner)

    def review(self, operation: str, body: Body) -> Review:
        """Return the question for admission."""
        name = body["metadata"].get("name", "")
        return Review(operation, self.kind, self.key[0], name, self.options.user, body)


class Keeper:
    """Stores what may be stored. Hold the storage's lock around each call."""

    def __init__(
        self, storage: Storage, admission: Admission, rules: Rules, clock: Clock, seed: int
    ) -> None:
        self._storage = storage
        self._admission = admission
        self._rules = rules
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311 - names, no secrets

    def add(self, attempt: Attempt, body: Body, *, wanted: Body | None = None) -> Stored:
        """Store a new object. An applier owns what it `wanted`, others all that is there."""
        kind, metadata = attempt.kind, body["metadata"]
        self._name(metadata)
        review = attempt.review("CREATE", body)
        self._admission.admit(review)
        self._furnish(kind, body)
        identity.insist(kind, review.name, strategies.flaws(kind, body))
        self._admission.charge(review)
        key = (attempt.key[0], review.name)
        if self._storage.get(kind, key) is not None:
            raise already_exists(kind, review.name)
        owned = body if wanted is None else wanted
        metadata["managedFields"] = ownership.updated(None, owned, attempt.owner, self.now())
        if attempt.options.dry_run:
            return Stored(body, 0, encoded(body))
        stored = self._put(kind, key, body)
        if kind is NAMESPACE:
            # The account that every namespace is given by its controller.
            welcome = Attempt.of(SERVICE_ACCOUNT, (review.name, ""), _CONTROLLER)
            self.add(welcome, {"metadata": {"name": "default", "namespace": review.name}})
        return stored

    def replace(
        self,
        attempt: Attempt,
        old: Stored,
        body: Body,
        managed: list[dict[str, Any]] | None = None,
    ) -> Stored:
        """Store another state of an object; an applier brings its managedFields along."""
        kind, metadata, was = attempt.kind, body["metadata"], old.body["metadata"]
        if metadata.get("resourceVersion", was["resourceVersion"]) != was["resourceVersion"]:
            raise conflict(kind, attempt.key[1])
        identity.same(kind, attempt.key, metadata.get("uid", was["uid"]), was["uid"])
        identity.carry(kind, body, old.body, attempt.owner.subresource)
        self._admission.admit(attempt.review("UPDATE", body))
        identity.insist(kind, attempt.key[1], strategies.flaws(kind, body, old.body))
        if managed is None:
            managed = ownership.updated(old.body, body, attempt.owner, self.now())
        metadata.pop("managedFields", None)
        if managed:
            metadata["managedFields"] = managed
        metadata["resourceVersion"] = was["resourceVersion"]
        # What changes nothing is not written (storage/etcd3/store.go, GuaranteedUpdate).
        if body == old.body:
            return old
        if attempt.options.dry_run:
            return Stored(body, old.revision, encoded(body))
        stored = self._put(kind, attempt.key, body)
        if "deletionTimestamp" in metadata and not identity.held(kind, body):
            return self.remove(kind, attempt.key)
        return stored

    def doom(self, kind: Kind, key: Key, old: Stored) -> Stored:
        """Begin the end of an object that finalizers keep."""
        if "deletionTimestamp" in old.body["metadata"]:
            return old
        body = old.copy()
        body["metadata"] |= {"deletionTimestamp": self.now(), "deletionGracePeriodSeconds": 0}
        if kind is NAMESPACE:
            body["status"]["phase"] = "Terminating"
        stored = self._put(kind, key, body)
        if kind is NAMESPACE and self._rules.finish:
            self.finish(key[1])
        return stored

    def remove(self, kind: Kind, key: Key) -> Stored:
        """Remove an object."""
        return self._storage.remove(kind, key, history=self._rules.history)

    def finish(self, name: str) -> None:
        """Remove what a namespace holds and then itself, as the namespace controller does."""
        for kind in KINDS:
            if kind.namespaced:
                for key, _ in self._storage.listed(kind, name, self._storage.revision):
                    self.remove(kind, key)
        self.remove(NAMESPACE, ("", name))

    def now(self) -> str:
        """Return the time as objects bear it."""
        return f"{self._clock.now():%Y-%m-%dT%H:%M:%SZ}"

    def _put(self, kind: Kind, key: Key, body: Body) -> Stored:
        return self._storage.put(kind, key, body, history=self._rules.history)

    def _name(self, metadata: Body) -> None:
        """Make a name from generateName (k8s.io/apiserver, pkg/storage/names/generate.go)."""
        if "name" not in metadata and "generateName" in metadata:
            suffix = "".join(self._random.choices(_SUFFIX, k=5))
            metadata["name"] = metadata["generateName"][:_LONGEST_BASE] + suffix

    def _furnish(self, kind: Kind, body: Body) -> None:
        """Set what only the server sets (rest/create.go, BeforeCreate)."""
        metadata = body["metadata"]
        for field in _NOT_CREATED:
            metadata.pop(field, None)
        metadata["uid"] = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        metadata["creationTimestamp"] = self.now()
        if kind is NAMESPACE:
            name = metadata.get("name", "")
            metadata.setdefault("labels", {})["kubernetes.io/metadata.name"] = name
            body |= {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
