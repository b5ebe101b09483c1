"""Watches. https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes."""

import time
from typing import Any

import pytest

from tests.doubles.kubernetes import KubernetesDouble, Rules
from tests.doubles.kubernetes.conftest import SECRETS, Client

ALL = "/api/v1/secrets"
NAMED = "metadata.name=a"


def settled(kube: KubernetesDouble, count: int) -> bool:
    """Wait until so many watches are open."""
    begun = time.monotonic()
    while kube.watchers() != count and time.monotonic() - begun < 5:
        time.sleep(0.005)
    return kube.watchers() == count


def test_a_watch_tells_what_happens(kube: KubernetesDouble, client: Client) -> None:
    """ADDED, MODIFIED, DELETED, each with the whole object; the last has a version of its own."""
    watch = client.watch(ALL, resourceVersion=kube.revision)
    kube.add_secret("a", "shop")
    kube.set_secret("a", "shop", {".dockerconfigjson": b"{}"})
    kube.delete("secrets", "a", "shop")
    kube.add_service_account("b", "shop")
    events = [watch.next() for _ in range(3)]
    assert [type_ for type_, _ in events] == ["ADDED", "MODIFIED", "DELETED"]
    assert {(body["kind"], body["apiVersion"]) for _, body in events} == {("Secret", "v1")}
    versions = [int(body["metadata"]["resourceVersion"]) for _, body in events]
    assert versions == sorted(set(versions))
    assert events[2][1]["data"] == events[1][1]["data"]
    assert watch.quiet()


@pytest.mark.parametrize("version", ["", "0"])
def test_without_a_version_it_begins_with_what_is_there(
    kube: KubernetesDouble, client: Client, version: str
) -> None:
    """As "Get State and Start": synthetic ADDED events."""
    kube.add_secret("a", "shop")
    kube.add_secret("b", "shop")
    watch = client.watch(ALL, **({"resourceVersion": version} if version else {}))
    assert watch.names(2) == [("ADDED", "a"), ("ADDED", "b")]


def test_what_is_there_may_be_of_one_namespace(kube: KubernetesDouble, client: Client) -> None:
    """Others are not told, neither of now nor of before."""
    kube.add_namespace("other")
    version = kube.revision
    kube.add_secret("x", "other")
    kube.add_secret("a", "shop")
    for query in ({}, {"resourceVersion": version}):
        assert client.watch(SECRETS, **query).names(1) == [("ADDED", "a")]


def test_it_tells_what_happened_since(kube: KubernetesDouble, client: Client) -> None:
    """From the version of a list on, nothing is missed and nothing is told twice."""
    kube.add_secret("a", "shop")
    version = client.get(ALL).body["metadata"]["resourceVersion"]
    kube.add_secret("b", "shop")
    kube.delete("secrets", "a", "shop")
    watch = client.watch(ALL, resourceVersion=version)
    assert watch.names(2) == [("ADDED", "b"), ("DELETED", "a")]
    assert watch.quiet()


def test_it_may_be_of_one_namespace(kube: KubernetesDouble, client: Client) -> None:
    """What happens in others is not told."""
    kube.add_namespace("other")
    watch = client.watch(SECRETS, resourceVersion=kube.revision)
    kube.add_secret("x", "other")
    kube.add_secret("a", "shop")
    assert watch.names(1) == [("ADDED", "a")]


def test_a_selector_sees_objects_come_and_go(kube: KubernetesDouble, client: Client) -> None:
    """What begins to match is ADDED, what ceases to is DELETED (cacher/cache_watcher.go)."""
    watch = client.watch(ALL, resourceVersion=kube.revision, labelSelector="app=x")
    kube.add_secret("a", "shop")
    for label in ("x", "y", None):
        kube.patch("secrets", "a", "shop", {"metadata": {"labels": {"app": label}}})
    (added, _), (deleted, body) = watch.next(), watch.next()
    assert (added, deleted, body["metadata"]["labels"]) == ("ADDED", "DELETED", {"app": "x"})
    assert int(body["metadata"]["resourceVersion"]) == kube.revision - 1
    assert watch.quiet()


def test_one_name_can_be_watched_everywhere(kube: KubernetesDouble, client: Client) -> None:
    """By a field selector."""
    watch = client.watch(ALL, resourceVersion=kube.revision, fieldSelector=NAMED)
    for name in ("b", "a"):
        kube.add_secret(name, "shop")
    kube.add_secret("a", "default")
    assert watch.names(2) == [("ADDED", "a"), ("ADDED", "a")]


def test_bookmarks_come_to_those_who_take_them(kube: KubernetesDouble, client: Client) -> None:
    """A bookmark has the kind and a version, no name; creationTimestamp is null."""
    taking = client.watch(ALL, resourceVersion=kube.revision, allowWatchBookmarks="true")
    other = client.watch(ALL, resourceVersion=kube.revision)
    assert settled(kube, 2)
    kube.add_service_account("b", "shop")
    kube.bookmark()
    type_, body = taking.next()
    assert type_ == "BOOKMARK"
    assert body == {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": str(kube.revision), "creationTimestamp": None},
    }
    assert other.quiet()


def test_bookmarks_come_by_themselves(kube: KubernetesDouble, client: Client) -> None:
    """Again and again, by `Rules.bookmarks`."""
    kube.rules.bookmarks = 0.05
    watch = client.watch(ALL, resourceVersion=kube.revision, allowWatchBookmarks="1")
    assert [watch.next()[0] for _ in range(3)] == ["BOOKMARK"] * 3


def test_a_list_can_be_streamed(kube: KubernetesDouble, client: Client) -> None:
    """KEP-3157: ADDED for all, then a bookmark with an annotation, then what happens."""
    kube.add_secret("a", "shop")
    watch = client.watch(
        ALL,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
    )
    assert watch.names(1) == [("ADDED", "a")]
    type_, body = watch.next()
    assert (type_, body["metadata"]["annotations"]) == (
        "BOOKMARK",
        {"k8s.io/initial-events-end": "true"},
    )
    kube.add_secret("b", "shop")
    assert watch.names(1) == [("ADDED", "b")]


@pytest.mark.parametrize(
    "query", [{"sendInitialEvents": "true"}, {"resourceVersionMatch": "NotOlderThan"}]
)
def test_a_streamed_list_needs_all_its_options(client: Client, query: dict[str, str]) -> None:
    """422 about ListOptions (meta/internalversion/validation)."""
    reply = client.get(ALL, watch="true", allowWatchBookmarks="true", **query)
    assert reply.refusal[:2] == (422, "Invalid")


def test_a_version_that_is_too_old_is_gone(kube: KubernetesDouble, client: Client) -> None:
    """200 and an event ERROR with a Status of 410, and the end (cacher.go, newErrWatcher)."""
    version = kube.revision
    kube.add_secret("a", "shop")
    kube.compact()
    watch = client.watch(ALL, resourceVersion=version)
    type_, status = watch.next()
    assert (type_, status["kind"], status["reason"]) == ("ERROR", "Status", "Expired")
    assert status["code"] == 410
    assert status["message"] == f"too old resource version: {version} ({kube.revision})"
    assert watch.next() == ("END", None)


def test_gone_can_be_a_status(kube: KubernetesDouble, client: Client) -> None:
    """410 at once, as an uncached server or a proxy may answer."""
    version, kube.rules.gone_as_status = kube.revision, True
    kube.add_secret("a", "shop")
    kube.compact()
    reply = client.get(ALL, watch="true", resourceVersion=version)
    assert reply.refusal[:2] == (410, "Expired")


def test_the_history_is_limited(kube: KubernetesDouble, client: Client) -> None:
    """As many changes as `Rules.history` says can be asked for."""
    version = kube.revision
    kube.rules.history = 3
    for name in "abcd":
        kube.add_secret(name, "shop")
    assert client.watch(ALL, resourceVersion=version).next()[0] == "ERROR"
    assert client.watch(ALL, resourceVersion=version + 1).names(1) == [("ADDED", "b")]


def test_a_watch_ends_when_its_time_is_over(kube: KubernetesDouble, client: Client) -> None:
    """Its timeoutSeconds ends it in order, and the connection can be used again."""
    begun = time.monotonic()
    watch = client.watch(ALL, resourceVersion=kube.revision, timeoutSeconds=1)
    assert watch.next() == ("END", None)
    assert time.monotonic() - begun > 0.9
    assert settled(kube, 0)


@pytest.mark.parametrize(("cut", "expected"), [(False, "END"), (True, "BREAK")])
def test_watches_can_be_ended(
    kube: KubernetesDouble, client: Client, *, cut: bool, expected: str
) -> None:
    """In order or by a reset, those of one type or all."""
    secrets = client.watch(ALL, resourceVersion=kube.revision)
    others = client.watch("/api/v1/namespaces", resourceVersion=kube.revision)
    assert settled(kube, 2)
    assert kube.end_watches("secrets", cut=cut) == 1
    assert secrets.next()[0] == expected
    assert others.quiet()
    assert (kube.end_watches(), others.next()[0]) == (1, "END")
    assert settled(kube, 0)


def test_a_watch_without_a_reader_is_dropped(kube: KubernetesDouble, client: Client) -> None:
    """A client that closes its connection leaves nothing behind."""
    client.watch(ALL, resourceVersion=kube.revision)
    assert settled(kube, 1)
    client.close()
    assert settled(kube, 0)


def test_a_watch_can_be_silent(kube: KubernetesDouble, client: Client) -> None:
    """It stays open, and what happens is not told; later events are."""
    watch = client.watch(ALL, resourceVersion=kube.revision, allowWatchBookmarks="true")
    assert settled(kube, 1)
    with kube.silent_watches():
        kube.add_secret("a", "shop")
        kube.bookmark()
        assert watch.quiet(0.2)
    kube.add_secret("b", "shop")
    assert watch.names(1) == [("ADDED", "b")]


def test_a_watch_can_be_slow(kube: KubernetesDouble, client: Client) -> None:
    """Each event is late, none is lost."""
    kube.rules.watch_delay = 0.1
    watch = client.watch(ALL, resourceVersion=kube.revision)
    assert settled(kube, 1)
    begun = time.monotonic()
    for name in "abc":
        kube.add_secret(name, "shop")
    assert watch.names(3) == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]
    assert time.monotonic() - begun >= 0.3


def test_a_restart_cuts_watches_and_forgets(kube: KubernetesDouble, client: Client) -> None:
    """The versions of before are gone; what is kept stays."""
    kube.add_secret("a", "shop")
    version: Any = kube.revision - 1
    watch = client.watch(ALL, resourceVersion=kube.revision)
    assert settled(kube, 1)
    with kube.down():
        assert watch.next()[0] in {"END", "BREAK"}
        client.close()
    assert client.watch(ALL, resourceVersion=version).next()[0] == "ERROR"
    assert client.watch(ALL).names(1) == [("ADDED", "a")]
    assert kube.rules == Rules()
