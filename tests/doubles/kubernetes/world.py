"""The state of a cluster, and the hands of those who are no client under test."""

import base64
import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from refresher.clock import SystemClock
from refresher.ports import Clock
from tests.doubles.kubernetes.access import ADMIN, Gate, User, service_account
from tests.doubles.kubernetes.admission import Admission, Judge, Quota, Webhook
from tests.doubles.kubernetes.keeping import Keeper
from tests.doubles.kubernetes.kinds import named
from tests.doubles.kubernetes.message import Body, Options
from tests.doubles.kubernetes.patches import MERGE
from tests.doubles.kubernetes.rbac import Document, Roles
from tests.doubles.kubernetes.reading import Reader
from tests.doubles.kubernetes.rules import Rules
from tests.doubles.kubernetes.storage import Storage
from tests.doubles.kubernetes.watching import Watches
from tests.doubles.kubernetes.writing import Writer

DOCKER_CONFIG_JSON: Final = "kubernetes.io/dockerconfigjson"
_FIRST: Final = ("default", "kube-system", "kube-public", "kube-node-lease")
_HAND: Final = "kubectl-edit"


class World:
    """Namespaces, objects, users, roles. Resources are named as in paths: `secrets`, `leases`."""

    def __init__(
        self, *, rules: Rules | None = None, clock: Clock | None = None, seed: int = 0
    ) -> None:
        """Begin as a new cluster; `clock` stamps objects and ends tokens, `seed` makes uids."""
        self.rules = rules or Rules()
        self.clock = clock or SystemClock()
        self.roles = Roles()
        self._released = threading.Event()
        self._storage = Storage()
        self._gate = Gate(self.clock)
        self._admission = Admission(self._storage)
        self._reader = Reader(self._storage, self.rules)
        keeper = Keeper(self._storage, self._admission, self.rules, self.clock, seed)
        self._writer = Writer(self._storage, self._admission, keeper)
        self._watches = Watches(self._storage, self.rules, self._released)
        for name in _FIRST:
            self.add_namespace(name)

    @property
    def revision(self) -> int:
        """The resourceVersion of the last change."""
        return self._storage.revision

    def add_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """Add a namespace; as by the controllers, its account `default` is there at once."""
        self.add("namespaces", name, metadata={"labels": dict(labels or {})})

    def terminate(self, name: str) -> None:
        """Delete a namespace that does not come to its end, until `finish`."""
        rule, self.rules.finish = self.rules.finish, False
        try:
            self.delete("namespaces", name)
        finally:
            self.rules.finish = rule

    def finish(self, name: str) -> None:
        """Remove a namespace and all that it holds."""
        self._writer.finish(name)

    def add_secret(  # noqa: D417 - `name` and `namespace` are what they are called
        self,
        name: str,
        namespace: str,
        data: Mapping[str, bytes] | None = None,
        *,
        type_: str = DOCKER_CONFIG_JSON,
        metadata: Body | None = None,
        manager: str = _HAND,
        **fields: Any,
    ) -> Body:
        """Add a Secret, by default one with an empty .dockerconfigjson.

        Args:
            data: The values, not yet encoded.
            type_: The type.
            metadata: Labels, annotations and the like.
            manager: The field manager.
            fields: Other fields, such as `immutable`.
        """
        content = {".dockerconfigjson": b'{"auths":{}}'} if data is None else data
        encoded = {key: base64.b64encode(value).decode() for key, value in content.items()}
        body = {"type": type_, "data": encoded, **fields}
        return self.add("secrets", name, namespace, metadata=metadata, manager=manager, **body)

    def set_secret(
        self, name: str, namespace: str, data: Mapping[str, bytes], manager: str = _HAND
    ) -> Body:
        """Overwrite values of a Secret, as another controller does."""
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        return self.patch("secrets", name, namespace, {"data": encoded}, manager)

    def secret(self, name: str, namespace: str) -> dict[str, bytes] | None:
        """Return the decoded values of a Secret, or None where it is not."""
        body = self.get("secrets", name, namespace)
        if body is None:
            return None
        return {key: base64.b64decode(value) for key, value in body.get("data", {}).items()}

    def add_service_account(
        self, name: str, namespace: str, pull_secrets: Sequence[str] = (), **fields: Any
    ) -> Body:
        """Add a service account that uses some Secrets to pull."""
        references = [{"name": one} for one in pull_secrets]
        return self.add("serviceaccounts", name, namespace, imagePullSecrets=references, **fields)

    def pull_secrets(self, name: str, namespace: str) -> list[str]:
        """Return the Secrets that a service account uses to pull, in order."""
        body = self.get("serviceaccounts", name, namespace) or {}
        return [one["name"] for one in body.get("imagePullSecrets", ())]

    def add(
        self,
        resource: str,
        name: str,
        namespace: str = "",
        *,
        metadata: Body | None = None,
        manager: str = _HAND,
        **fields: Any,
    ) -> Body:
        """Create an object. Raises `ApiError` where the server refuses."""
        document = {"metadata": {**(metadata or {}), "name": name}, **fields}
        options = Options(manager, user=ADMIN.name)
        stored, _ = self._writer.create(named(resource), namespace, document, options)
        return stored.copy()

    def patch(
        self, resource: str, name: str, namespace: str, patch: Body, manager: str = _HAND
    ) -> Body:
        """Change an object by a merge patch. Raises `ApiError` where the server refuses."""
        options = Options(manager, user=ADMIN.name)
        stored, _ = self._writer.patch(named(resource), (namespace, name), MERGE, patch, options)
        return stored.copy()

    def delete(self, resource: str, name: str, namespace: str = "") -> None:
        """Delete an object. Raises `ApiError` where the server refuses."""
        options = Options(_HAND, user=ADMIN.name)
        self._writer.delete(named(resource), (namespace, name), {}, options)

    def get(self, resource: str, name: str, namespace: str = "") -> Body | None:
        """Return a copy of an object, without kind and apiVersion, or None where it is not."""
        stored = self._storage.get(named(resource), (namespace, name))
        return None if stored is None else stored.copy()

    def all(self, resource: str, namespace: str = "") -> list[Body]:
        """Return copies of all objects of a type, in order."""
        with self._storage.lock:
            listed = self._storage.listed(named(resource), namespace, self.revision)
        return [json.loads(stored.content) for _, stored in listed]

    def admin(self) -> str:
        """Return a token of one who may do everything."""
        return self._gate.issue(ADMIN)

    def account(
        self,
        name: str,
        namespace: str,
        rules: Sequence[Document] = (),
        *,
        within: Sequence[str] = ("",),
        seconds: float | None = None,
    ) -> str:
        """Return a token of a service account that may do this, in some namespaces or in all.

        It is good for `seconds`, by the clock, or for ever.
        """
        user = service_account(namespace, name)
        for where in within if rules else ():
            self.roles.allow(user, rules, where)
        return self._gate.issue(user, seconds)

    def user(
        self, name: str, rules: Sequence[Document] = (), *, seconds: float | None = None
    ) -> str:
        """Return a token of a user who may do this in all namespaces."""
        user = User(name)
        if rules:
            self.roles.allow(user, rules)
        return self._gate.issue(user, seconds)

    def revoke(self, token: str) -> None:
        """Take a token no longer."""
        self._gate.revoke(token)

    def let_anonymous(self, *, enter: bool) -> None:
        """Say whether those without a token are anybody (--anonymous-auth)."""
        self._gate.anonymous = enter

    def webhook(self, name: str, judge: Judge) -> Webhook:
        """Ask an admission webhook before each write from now on; it may change what is written."""
        webhook = Webhook(name, judge)
        self._admission.webhooks.append(webhook)
        return webhook

    def remove_webhook(self, webhook: Webhook) -> None:
        """Ask it no longer."""
        self._admission.webhooks.remove(webhook)

    def quota(
        self, namespace: str, hard: int, counts: str = "secrets", name: str = "quota"
    ) -> None:
        """Limit how many objects of a type a namespace may have; the last limit counts."""
        kept = [one for one in self._admission.quotas if one.namespace != namespace]
        self._admission.quotas = [*kept, Quota(name, namespace, counts, hard)]

    def compact(self) -> None:
        """Forget the changes until now, as etcd does every five minutes."""
        self._storage.compact()

    def bookmark(self) -> None:
        """Send a bookmark to all watches that take them."""
        for subscription in self._storage.subscriptions():
            subscription.nudge(bookmark=True)

    def end_watches(self, resource: str = "", *, cut: bool = False) -> int:
        """End the watches of a type, or all, in order or by a break; return how many."""
        open_ = self._storage.subscriptions(named(resource) if resource else None)
        for subscription in open_:
            subscription.nudge(ending="cut" if cut else "end")
        return len(open_)

    def watchers(self, resource: str = "") -> int:
        """Return how many watches of a type, or in all, are open."""
        return len(self._storage.subscriptions(named(resource) if resource else None))
