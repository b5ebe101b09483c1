"""What may keep a valid object out: namespaces that end, quotas, webhooks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from tests.doubles.kubernetes.kinds import NAMESPACE, Kind
from tests.doubles.kubernetes.message import Body
from tests.doubles.kubernetes.statuses import ApiError, forbidden, not_found
from tests.doubles.kubernetes.storage import Storage


@dataclass(frozen=True)
class Review:
    """What a webhook is asked: `operation` is CREATE, UPDATE or DELETE."""

    operation: str
    kind: Kind
    namespace: str
    name: str
    user: str
    body: Body = field(repr=False)


@dataclass(frozen=True)
class Denial:
    """The answer no. 400 without a reason is what becomes of an answer that gives neither."""

    message: str = ""
    code: int = HTTPStatus.BAD_REQUEST
    reason: str = ""


Judge = Callable[[Review], Denial | None]
"""Decides; it may change the body, as mutating webhooks do."""


@dataclass(frozen=True)
class Webhook:
    """An admission webhook with its name."""

    name: str
    judge: Judge

    def review(self, review: Review) -> None:
        """Ask it. Raises `ApiError` when it denies.

        k8s.io/apiserver, pkg/admission/plugin/webhook/errors/statuserror.go
        """
        denial = self.judge(review)
        if denial is None:
            return
        said = f'admission webhook "{self.name}" denied the request'
        why = denial.message or denial.reason
        message = f"{said}: {why}" if why else f"{said} without explanation"
        raise ApiError(max(denial.code, HTTPStatus.BAD_REQUEST), denial.reason, message)


@dataclass(frozen=True)
class Quota:
    """A ResourceQuota: how many objects of a type a namespace may have. `counts` is its key."""

    name: str
    namespace: str
    counts: str
    hard: int

    def counts_kind(self, kind: Kind) -> bool:
        """Say whether it limits a type: `secrets` or `count/secrets`."""
        return self.counts in {kind.resource, f"count/{kind.qualified}"}


class Admission:
    """Lets objects in, or not."""

    def __init__(self, storage: Storage) -> None:
        self.webhooks: list[Webhook] = []
        self.quotas: list[Quota] = []
        self._storage = storage

    def admit(self, review: Review) -> None:
        """Raise `ApiError` if the namespace or a webhook says no; webhooks may change the body."""
        if review.operation != "DELETE" and review.kind.namespaced:
            self._enter(review)
        for webhook in self.webhooks:
            webhook.review(review)

    def charge(self, review: Review) -> None:
        """Raise `ApiError` 403 if a quota is used up (plugin/pkg/admission/resourcequota)."""
        for quota in self.quotas:
            if quota.namespace != review.namespace or not quota.counts_kind(review.kind):
                continue
            used = self._storage.count(review.kind, review.namespace)
            if used + 1 > quota.hard:
                counted = quota.counts
                why = (
                    f"exceeded quota: {quota.name}, requested: {counted}=1, "
                    f"used: {counted}={used}, limited: {counted}={quota.hard}"
                )
                raise forbidden(review.kind.group, review.kind.resource, review.name, why)

    def _enter(self, review: Review) -> None:
        """Do as NamespaceLifecycle does.

        k8s.io/apiserver, pkg/admission/plugin/namespace/lifecycle/admission.go
        """
        name = review.namespace
        namespace = self._storage.get(NAMESPACE, ("", name))
        if namespace is None:
            raise not_found(NAMESPACE, name)
        if review.operation != "CREATE" or namespace.body["status"]["phase"] != "Terminating":
            return
        why = f"unable to create new content in namespace {name} because it is being terminated"
        error = forbidden(review.kind.group, review.kind.resource, review.name, why)
        assert error.details is not None
        error.details["causes"] = [
            {
                "reason": "NamespaceTerminating",
                "message": f"namespace {name} is being terminated",
                "field": "metadata.namespace",
            }
        ]
        raise error
