"""What each refusal of the server becomes: for its namespace alone, and without its text."""

import pytest

from refresher.errors import PermanentError, RetryableError
from refresher.model.plan import Absent
from refresher.ports import Busy, Written
from tests.doubles.kubernetes import ApiError, Denial, Fault, KubernetesDouble, Review
from tests.doubles.kubernetes import faults as broken
from tests.doubles.kubernetes.faults import refusal, status
from tests.doubles.kubernetes.kinds import named
from tests.doubles.kubernetes.message import Answer
from tests.doubles.kubernetes.statuses import (
    already_exists,
    conflict,
    forbidden,
    forbidden_value,
    invalid,
    invalid_value,
    not_found,
    too_long,
)
from tests.sinks.kubernetes.cluster import NAME, Cluster
from tests.sinks.kubernetes.conftest import QUAY, MakeSink, busy, changes, refused, value, written

SECRETS = named("secrets")
CANARY = "canary-in-the-answer"


def policy(said: str) -> Fault:
    """Return what an admission policy becomes."""
    return refusal(forbidden("", "secrets", NAME, said))


REFUSED = {
    "a type that changed": (
        refusal(invalid("Secret", NAME, [invalid_value("type", CANARY, "field is immutable")])),
        "refuses to create secrets refresher in namespace {} (status 422, for type)",
    ),
    "immutable since": (
        refusal(invalid("Secret", NAME, [forbidden_value("data", CANARY)])),
        "(status 422, for data)",
    ),
    "too long": (refusal(invalid("Secret", NAME, [too_long("data", 5)])), "(status 422, for data)"),
    "no reason": (status(422, "Invalid", CANARY), "(status 422)"),
    "a field that is no name": (
        refusal(invalid("Secret", NAME, [forbidden_value("a b\n", CANARY)])),
        "(status 422)",
    ),
    "too large for the server": (
        status(413, "RequestEntityTooLarge", CANARY),
        "refuses to create secrets refresher in namespace {} (status 413)",
    ),
    "a quota": (
        policy("exceeded quota: small, requested: secrets=1, used: secrets=1, limited: secrets=1"),
        "the quota small allows no more secrets refresher in namespace {}: raise it",
    ),
    "a webhook": (
        status(400, "", f'admission webhook "no.example.com" denied the request: {CANARY}'),
        "no.example.com denies to create secrets refresher in namespace {}: let that admission",
    ),
    "a webhook with a code of its own": (
        status(500, "", f'admission webhook "no.example.com" denied the request: {CANARY}'),
        "no.example.com denies to create",
    ),
    "an admission policy": (
        policy(f"ValidatingAdmissionPolicy 'deny' with binding 'all' denied request: {CANARY}"),
        "deny denies to create secrets",
    ),
    "no right": (
        policy(f'User "system:serviceaccount:a:b" cannot create resource: {CANARY}'),
        "system:serviceaccount:a:b may not create secrets refresher in namespace {}: add this rule",
    ),
    "no right, in other words": (
        policy(f'User "a b" cannot create resource: {CANARY}'),
        "may not create secrets",
    ),
    "nobody": (
        policy(f'User "system:anonymous" cannot create resource: {CANARY}'),
        "does not know who asks: the token of the user",
    ),
    "an admission plug-in": (
        policy(CANARY),
        "forbids to create secrets refresher in namespace {}: look there for the reason",
    ),
    "no right, in no words": (Fault(Answer(403, b"no")), "may not create secrets"),
    "no token": (
        status(401, "Unauthorized", "Unauthorized"),
        "does not take the token of the user",
    ),
    "no API": (status(404, "NotFound", CANARY), "has no API of Kubernetes v1"),
    "another method": (status(405, "MethodNotAllowed", CANARY), "(status 405)"),
    "a redirect": (
        broken.text(302, "", Location="https://u:p@b.example/x"),
        "redirects to another place, and the token goes nowhere else",
    ),
    "a redirect to a server": (
        broken.text(307, "", Location="https://b.example/x"),
        "redirects to https://b.example",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_a_person_is_told(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink, name: str
) -> None:
    """Who says no, to what, and what to do."""
    namespace, other = cluster.add(), cluster.add("other")
    made = make()
    made.read([QUAY])
    fault, words = REFUSED[name]
    kube.fail(fault, None, namespace=namespace)
    reason = refused(made.write(namespace, changes()))
    assert words.format(namespace, namespace) in reason
    assert CANARY not in reason
    written(made.write(other, changes()))
    kube.heal()
    assert made.read([QUAY]) == {namespace: {QUAY: Absent()}, other: {QUAY: value()}}
    written(made.write(namespace, changes()))


BUSY = {
    "throttled": (broken.throttled(7), "is asked too often (status 429)", 7.0),
    "throttled, as a Status": (broken.throttled_status(3), "is asked too often", 3.0),
    "on its way out": (broken.shutting_down(), "is asked too often", 5.0),
    "an error": (broken.internal_error(CANARY), "has an internal error (status 500)", None),
    "a webhook that is away": (
        broken.webhook_down("up.example.com"),
        "the admission webhook up.example.com does not answer",
        None,
    ),
    "not there yet": (broken.unavailable(), "is not available now (status 503)", None),
    "a proxy's page": (broken.page(502, CANARY), "can't be reached by the proxy before it", None),
    "a gateway": (broken.page(504, CANARY), "did not answer in time (status 504)", None),
    "another error": (broken.page(507, CANARY), "failed (status 507)", None),
    "garbage": (broken.garbage(CANARY), "something else than secrets refresher", None),
    "another object": (
        Fault(Answer.of({"metadata": {"name": CANARY}})),
        "something else than secrets refresher",
        None,
    ),
    "no object": (Fault(Answer.of([CANARY])), "something else than secrets refresher", None),
    "half an answer": (broken.cut(), "something else than secrets refresher", None),
    "a torn answer": (broken.torn(), "can't be reached, or broke off", None),
    "a reset": (broken.reset(), "can't be reached, or broke off", None),
    "conflicts for ever": (
        refusal(conflict(SECRETS, NAME)),
        "Secret {}/refresher is being changed all the time",
        None,
    ),
    "exists, and does not": (
        refusal(already_exists(SECRETS, NAME)),
        "Secret {}/refresher is being changed all the time",
        None,
    ),
    "a quota that was made just now": (
        policy(f"status unknown for quota: small, resources: secrets {CANARY}"),
        "the quota small of namespace {} is not counted yet",
        None,
    ),
    "no namespace": (
        refusal(not_found(named("namespaces"), "x")),
        "there is no namespace {}: make it, or correct namespaces",
        None,
    ),
}


@pytest.mark.parametrize("name", BUSY)
def test_what_time_may_heal_is_told(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink, name: str
) -> None:
    """With the wait that the server asks for."""
    namespace, other = cluster.add(), cluster.add("other")
    made = make()
    made.read([QUAY])
    fault, words, wait = BUSY[name]
    kube.fail(fault, None, namespace=namespace, verb="create")
    outcome = made.write(namespace, changes())
    assert words.format(namespace) in busy(outcome)
    assert isinstance(outcome, Busy)
    assert outcome.retry_after == wait
    assert CANARY not in outcome.reason
    written(made.write(other, changes()))
    kube.heal()
    written(made.write(namespace, changes()))
    assert cluster.password(namespace) == "new-secret"


EVERYTHING: dict[str, Fault] = {
    **{name: case[0] for name, case in REFUSED.items()},
    **{name: case[0] for name, case in BUSY.items()},
}


@pytest.mark.parametrize("name", EVERYTHING)
@pytest.mark.parametrize("resource", ["namespaces", "secrets"])
def test_a_look_that_fails_is_no_look(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink, name: str, resource: str
) -> None:
    """Nothing is taken for absent, which would have it written."""
    cluster.add()
    kube.fail(EVERYTHING[name], None, resource=resource)
    with pytest.raises((RetryableError, PermanentError)) as caught:
        make().read([QUAY])
    assert CANARY not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("verb", ["get", "update"])
@pytest.mark.parametrize(("times", "works"), [(1, True), (3, True), (4, False)])
def test_conflicts_are_taken_up_a_few_times(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink, verb: str, times: int, *, works: bool
) -> None:
    """Each with a new look, and nothing in between."""
    namespace = cluster.add()
    made = make()
    written(made.write(namespace, changes(secret="old")))
    made.read([QUAY])
    kube.forget()
    kube.fail(refusal(conflict(SECRETS, NAME)), times, resource="secrets", verb="update")
    outcome = made.write(namespace, changes())
    asked = [each.verb for each in kube.asked()]
    if works:
        written(outcome)
        assert asked == ["update", *["get", "update"] * times]
    else:
        busy(outcome)
        assert asked == ["update", *["get", "update"] * 3]
    assert verb in asked


@pytest.mark.parametrize("verb", ["create", "update"])
def test_a_write_whose_answer_was_lost_is_found(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink, verb: str
) -> None:
    """It is not claimed, and not made twice."""
    namespace = cluster.add()
    made = make()
    if verb == "update":
        written(made.write(namespace, changes(secret="old")))
    made.read([QUAY])
    made._access.way().pool.close()
    kube.fail(broken.reset(applied=True), 1, resource="secrets", verb=verb)
    busy(made.write(namespace, changes()))
    before = cluster.version(namespace)
    assert made.read([QUAY])[namespace] == {QUAY: value()}
    assert made.write(namespace, changes()) == Written()
    assert cluster.version(namespace) == before


@pytest.mark.parametrize("verb", ["create", "update"])
def test_a_write_that_is_sent_twice_is_one(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink, verb: str
) -> None:
    """A kept connection broke after the server had done it: the second attempt finds it done."""
    namespace = cluster.add()
    made = make()
    if verb == "update":
        written(made.write(namespace, changes(secret="old")))
    made.read([QUAY])
    kube.fail(broken.reset(applied=True), 1, resource="secrets", verb=verb)
    written(made.write(namespace, changes()))
    assert cluster.password(namespace) == "new-secret"


def test_a_write_that_shows_something_else_is_not_claimed(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """A webhook changed what we sent; one that keeps the credential is good."""
    namespace = cluster.add()
    made = make()

    def drop(review: Review) -> Denial | None:
        if review.kind is SECRETS:
            review.body["data"] = {".dockerconfigjson": "eyJhdXRocyI6e319"}
        return None

    webhook = kube.webhook("mutating.example.com", drop)
    reason = busy(made.write(namespace, changes()))
    assert (
        f"Secret {namespace}/{NAME}, and shows that it holds something else for quay.io" in reason
    )
    kube.remove_webhook(webhook)

    def pad(review: Review) -> Denial | None:
        if review.kind is SECRETS:
            review.body["data"]["more"] = "eA=="
            review.body["metadata"].setdefault("labels", {})["team"] = "a"
        return None

    kube.webhook("padding.example.com", pad)
    written(made.write(namespace, changes(secret="next")))
    assert cluster.password(namespace) == "next"


def test_a_quota_of_the_server_is_told(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """As it says it itself; a renewal needs no more room."""
    namespace, supplied = cluster.add(), cluster.add("supplied")
    made = make()
    written(made.write(supplied, changes(secret="old")))
    for each in (namespace, supplied):
        kube.quota(each, 0)
    assert "the quota quota allows no more secrets" in refused(made.write(namespace, changes()))
    made.read([QUAY])
    written(made.write(supplied, changes()))


def test_a_policy_of_the_server_is_told(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """As it says it itself; its reason is not repeated."""
    namespace = cluster.add()

    def judge(review: Review) -> Denial | None:
        return Denial(CANARY, 403, "Forbidden") if review.kind is SECRETS else None

    kube.webhook("policy.example.com", judge)
    reason = refused(make().write(namespace, changes()))
    assert "policy.example.com denies to create secrets refresher" in reason
    assert CANARY not in reason


@pytest.mark.parametrize(
    "page",
    [
        {"items": []},
        {"kind": "Status", "items": []},
        {"kind": "NamespaceList", "items": {}},
        {"kind": "NamespaceList", "items": [5]},
        {"kind": "NamespaceList", "items": [{"metadata": {}}]},
        {"kind": "NamespaceList", "items": [{"metadata": {"name": 5}}]},
    ],
    ids=str,
)
def test_what_is_no_list_is_no_empty_list(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink, page: dict[str, object]
) -> None:
    """Else all would be made anew."""
    cluster.add()
    kube.fail(Fault(Answer.of(page)), None, resource="namespaces")
    with pytest.raises(RetryableError, match="something else than namespaces"):
        make().read([QUAY])


def test_a_malformed_status_is_told_all_the_same(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """Whatever stands where something else should."""
    namespace = cluster.add()
    made = make()
    malformed: list[object] = [[], "x", {"causes": 5}, {"causes": [5]}, {"causes": [{"reason": 5}]}]
    for details in malformed:
        document = {"kind": "Status", "message": 5, "details": details}
        kube.fail(Fault(Answer.of(document, 403)), 1, resource="secrets", verb="create")
        assert "may not create secrets" in refused(made.write(namespace, changes()))


def test_the_error_of_a_status_is_no_namespace_of_another(
    cluster: Cluster, kube: KubernetesDouble, make: MakeSink
) -> None:
    """A selector that the server refuses is told by the settings that hold it."""
    cluster.add()
    kube.fail(refusal(ApiError(400, "BadRequest", CANARY)), None, resource="namespaces")
    with pytest.raises(
        PermanentError, match=r"refuses to list namespaces \(status 400\)"
    ) as caught:
        make().read([QUAY])
    assert caught.value.hint == "check the selectors in the settings"
