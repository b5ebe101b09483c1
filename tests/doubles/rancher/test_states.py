"""States: what they offer, how long they last, what ends them."""

from datetime import timedelta

import pytest

from refresher.testing import FakeClock
from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.conftest import Client, code
from tests.doubles.rancher.states import OFFERED, PROCESSES

LONG = 60.0

TABLE = [
    # state, actions, transitioning, DELETE, the state after it
    ("requested", "create deactivate remove", "no", 200, "removing"),
    ("registering", "activate deactivate remove", "yes", 200, "removing"),
    ("activating", "deactivate", "yes", 405, "activating"),
    ("active", "deactivate update", "no", 405, "active"),
    ("deactivating", "", "yes", 405, "deactivating"),
    ("inactive", "activate remove update", "no", 200, "removing"),
    ("updating-active", "deactivate remove", "yes", 200, "removing"),
    ("updating-inactive", "deactivate remove", "yes", 200, "removing"),
    ("removing", "", "yes", 200, "removing"),
    ("purging", "", "yes", 405, "purging"),
    ("removed", "purge", "no", 200, "removed"),
    ("purged", "", "no", 405, "purged"),
]

ENDS = [
    # state, action, the state while it runs, the states until it ends
    ("requested", "create", "registering", ["registering", "activating", "active"]),
    ("requested", "deactivate", "deactivating", ["deactivating", "inactive"]),
    ("requested", "remove", "removing", ["removing", "removed"]),
    ("registering", "activate", "activating", ["activating", "active"]),
    ("active", "deactivate", "deactivating", ["deactivating", "inactive"]),
    ("active", "update", "updating-active", ["updating-active", "active"]),
    ("inactive", "activate", "activating", ["activating", "active"]),
    ("inactive", "update", "updating-inactive", ["updating-inactive", "inactive"]),
    ("inactive", "remove", "removing", ["removing", "removed"]),
    ("removed", "purge", "purging", ["purging", "purged"]),
]

BOTH = pytest.mark.parametrize("path", ["/registries/1sp1", "/registrycredentials/1c1"])


@pytest.fixture(autouse=True)
def rows(rancher: RancherDouble, project: str) -> None:
    """Add a registry with a credential, and let processes take a minute."""
    rancher.add_credential(rancher.add_registry(project, "quay.io"), "ann", "canary")
    rancher.rules.pace.seconds = LONG


def put_into(rancher: RancherDouble, path: str, state: str) -> None:
    """Put the row at a path into a state."""
    registry = path.startswith("/registries")
    rancher.set_state(rancher.registry("1sp1") if registry else rancher.credential("1c1"), state)


@BOTH
@pytest.mark.parametrize(("state", "actions", "transitioning", "_delete", "_after"), TABLE)
def test_a_state_offers_its_actions(
    rancher: RancherDouble,
    client: Client,
    *,
    path: str,
    state: str,
    actions: str,
    transitioning: str,
    _delete: int,
    _after: str,
) -> None:
    """And no others; it tells whether a process runs."""
    put_into(rancher, path, state)
    row = client.get(path).json()
    assert set(row["actions"]) == set(actions.split())
    assert row["transitioning"] == transitioning
    assert row["transitioningMessage"] == ("In Progress" if transitioning == "yes" else None)


def test_the_table_is_complete() -> None:
    """Every state has its line."""
    assert {line[0] for line in TABLE} == set(OFFERED)


@BOTH
@pytest.mark.parametrize("state", OFFERED)
def test_other_actions_are_not_available(
    rancher: RancherDouble, client: Client, path: str, state: str
) -> None:
    """What a state does not offer is 422, and what it does is 202 in a transitional state."""
    for action in PROCESSES:
        put_into(rancher, path, state)
        answer = client.post(f"{path}/?action={action}")
        if action in OFFERED[state]:
            assert (answer.status_code, answer.json()["transitioning"]) == (202, "yes")
        else:
            assert code(answer) == (422, "ActionNotAvailable")
            assert answer.json()["fieldName"] == "action"


@BOTH
@pytest.mark.parametrize("action", ["explode", "Deactivate"])
def test_unknown_actions_are_invalid(client: Client, path: str, action: str) -> None:
    """Their names count, in their case."""
    answer = client.post(f"{path}/?action={action}")
    assert (*code(answer), answer.json()["fieldName"]) == (422, "InvalidAction", "action")


@pytest.mark.parametrize("kind", ["registries", "registrycredentials"])
def test_collections_have_no_actions(client: Client, kind: str) -> None:
    """Actions are for single rows."""
    assert code(client.post(f"/{kind}/?action=activate")) == (422, "InvalidAction")


@BOTH
@pytest.mark.parametrize(("state", "_actions", "_transitioning", "status", "after"), TABLE)
def test_delete_is_remove(
    rancher: RancherDouble,
    client: Client,
    *,
    path: str,
    state: str,
    _actions: str,
    _transitioning: str,
    status: int,
    after: str,
) -> None:
    """It needs a state that offers remove, is harmless while removed, and else 405."""
    put_into(rancher, path, state)
    answer = client.delete(path)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["state"] == after
    else:
        assert code(answer) == (405, "Method not allowed")
    assert client.state(path) == after


@BOTH
@pytest.mark.parametrize(("state", "action", "during", "states"), ENDS)
def test_a_process_takes_its_time(
    rancher: RancherDouble,
    client: Client,
    clock: FakeClock,
    *,
    path: str,
    state: str,
    action: str,
    during: str,
    states: list[str],
) -> None:
    """Every transitional state lasts as long as was set, and then gives way to the next."""
    put_into(rancher, path, state)
    assert client.act(path, action).json()["state"] == during
    seen = []
    for _ in states:
        seen.append(client.state(path))
        clock.advance(LONG - 1)
        assert client.state(path) == seen[-1]
        clock.advance(1)
    assert seen == states
    assert client.state(path) == states[-1]


def test_time_counts_while_nobody_looks(
    rancher: RancherDouble, client: Client, clock: FakeClock
) -> None:
    """After the time of two states both are over."""
    put_into(rancher, "/registries/1sp1", "registering")
    clock.advance(2 * LONG)
    assert client.state("/registries/1sp1") == "active"


@BOTH
def test_a_state_can_last_until_it_was_read(
    rancher: RancherDouble, client: Client, path: str
) -> None:
    """Reads of the row and of a list count, writes do not."""
    rancher.rules.pace.seconds, rancher.rules.pace.polls = 0.0, 2
    put_into(rancher, path, "registering")
    client.put(path, {"name": "x"})
    kind = path.rpartition("/")[0]
    seen = [client.state(path), client.get(kind).json()["data"][0]["state"]]
    seen += [client.state(path) for _ in range(3)]
    assert seen == ["registering"] * 2 + ["activating"] * 2 + ["active"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/registries", {"serverAddress": "gcr.io"}),
        ("/registrycredentials", {"registryId": "1sp1"}),
    ],
)
def test_creation_answers_at_once(
    rancher: RancherDouble, client: Client, path: str, body: dict[str, str]
) -> None:
    """However fast the server is, POST shows the new row registering."""
    rancher.rules.pace.seconds = 0.0
    made = client.post(path, body)
    assert (made.status_code, made.json()["state"]) == (201, "registering")
    assert made.json()["transitioning"] == "yes"
    assert client.state(f"{path}/{made.json()['id']}") == "active"


@BOTH
@pytest.mark.parametrize(("state", "action", "during", "_states"), ENDS)
def test_a_process_may_fail(
    rancher: RancherDouble,
    client: Client,
    clock: FakeClock,
    *,
    path: str,
    state: str,
    action: str,
    during: str,
    _states: list[str],
) -> None:
    """Its state then stays, with `error` and a message, and still offers its actions."""
    rancher.fail_process(action, "it broke")
    put_into(rancher, path, state)
    client.act(path, action)
    clock.advance(10 * LONG)
    row = client.get(path).json()
    assert (row["state"], row["transitioning"]) == (during, "error")
    assert row["transitioningMessage"] == "it broke"
    assert set(row["actions"]) == set(OFFERED[during])


def test_the_next_process_heals(rancher: RancherDouble, client: Client, clock: FakeClock) -> None:
    """An error is gone once another process began, and only as many runs fail as were asked for."""
    path = "/registries/1sp1"
    rancher.fail_process("purge", "never run")
    rancher.fail_process("activate", "it broke")
    put_into(rancher, path, "inactive")
    client.act(path, "activate")
    clock.advance(LONG)
    assert client.get(path).json()["transitioning"] == "error"
    assert client.act(path, "deactivate").json()["transitioning"] == "yes"
    clock.advance(LONG)
    client.act(path, "activate")
    clock.advance(LONG)
    assert client.state(path) == "active"


def test_a_registry_does_not_touch_its_credentials(client: Client, clock: FakeClock) -> None:
    """Deactivated or removed, it leaves their states alone."""
    client.act("/registries/1sp1", "deactivate")
    clock.advance(LONG)
    client.delete("/registries/1sp1")
    clock.advance(LONG)
    assert client.state("/registries/1sp1") == "removed"
    assert client.state("/registrycredentials/1c1") == "active"


@BOTH
def test_a_removed_row_is_read_by_its_id_alone(
    rancher: RancherDouble, client: Client, clock: FakeClock, path: str
) -> None:
    """Lists leave it out once it is removed; it keeps that time, and the time of its purge."""
    put_into(rancher, path, "inactive")
    kind = path.rpartition("/")[0]
    client.delete(path)
    assert len(client.get(kind).json()["data"]) == 1
    clock.advance(LONG)
    row = client.get(path).json()
    assert (row["state"], row["removed"]) == ("removed", "2026-03-01T12:01:00Z")
    assert row["removedTS"] <= row["removeTimeTS"] <= row["removedTS"] + 600_000
    assert client.get(kind).json()["data"] == []
    client.act(path, "purge")
    clock.advance(LONG)
    assert client.state(path) == "purged"
    assert client.get(kind).json()["data"] == []


@pytest.mark.parametrize(
    ("before", "states"),
    [
        ("active", ["deactivating", "removing", "removed"]),
        ("activating", ["deactivating", "removing", "removed"]),
        ("deactivating", ["deactivating", "removing", "removed"]),
        ("inactive", ["removing", "removed"]),
        ("removed", ["removed"]),
        ("purged", ["purged"]),
    ],
)
def test_a_purged_registry_takes_its_credentials_along(
    rancher: RancherDouble, client: Client, clock: FakeClock, before: str, states: list[str]
) -> None:
    """Purging deactivates and removes them, as removing did not."""
    put_into(rancher, "/registries/1sp1", "removed")
    client.act("/registries/1sp1", "purge")
    clock.advance(LONG)
    put_into(rancher, "/registrycredentials/1c1", before)
    seen = []
    for _ in states:
        assert client.state("/registries/1sp1") == "purged"
        seen.append(client.state("/registrycredentials/1c1"))
        clock.advance(LONG)
    assert seen == states
    assert client.state("/registrycredentials/1c1") == states[-1]


def test_the_purge_monitor_waits_for_its_time(
    rancher: RancherDouble, client: Client, project: str, clock: FakeClock
) -> None:
    """What was removed is purged after up to ten minutes, on the monitor's next round."""
    rancher.rules.pace.seconds = 0.0
    for number in range(20):
        rancher.add_registry(project, f"r{number}.example", state="removed")
    due = [rancher.registry(f"1sp{number}").remove_time for number in range(2, 22)]
    half = sum(
        moment is not None and moment <= clock.now() + timedelta(seconds=300) for moment in due
    )
    assert 0 < half < 20
    assert rancher.run_purge_monitor() == 0
    clock.advance(300)
    assert rancher.run_purge_monitor() == half
    clock.advance(300)
    assert rancher.run_purge_monitor() == 20 - half
    assert client.state("/registries/1sp2") == "purged"


def test_the_purge_monitor_can_be_hurried(rancher: RancherDouble, project: str) -> None:
    """All that was removed is purged at once where a test asks for it."""
    rancher.add_registry(project, "gone.example", state="removed")
    assert rancher.run_purge_monitor(all_removed=True) == 1
    assert rancher.registry("1sp2").state == "purging"
