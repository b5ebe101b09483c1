"""The decision: what is next for a registry to be supplied, and so what is held of it."""

import itertools
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.model.credential import Secret
from refresher.model.plan import Absent, Foreign, Opaque, Value
from refresher.sinks.rancher.holding import holding
from refresher.sinks.rancher.options import Several
from refresher.sinks.rancher.rows import (
    Credential,
    Phase,
    Registry,
    Seen,
    credentials,
    registries,
)
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
from tests.sinks.rancher.conftest import QUAY

STRICT, FREE = Policy(), Policy(create=True, activate=True)
NEWEST, ALL = Policy(several=Several.NEWEST), Policy(several=Several.ALL)

ACTIVE, COMING, IDLE, LEAVING = Phase.ACTIVE, Phase.COMING, Phase.IDLE, Phase.LEAVING
GOING, GONE, STUCK = Phase.GOING, Phase.GONE, Phase.STUCK


def seen(*phases: Phase, registry: Phase = ACTIVE, address: str = QUAY) -> Seen:
    """Return one registry with credentials in these phases."""
    rows = [Credential(f"1c{number}", each, "1sp1", "AWS") for number, each in enumerate(phases, 1)]
    return Seen((Registry("1sp1", registry, address),), tuple(rows))


def shown(step: Step) -> str:
    """Return a step in short."""
    match step:
        case Put(row) | Activate(row) | Await(row) | Deactivate(row):
            return f"{type(step).__name__} {row.id}"
        case Settled(kept):
            return f"Settled {' '.join(row.id for row in kept)}"
        case MakeRegistry(address):
            return f"MakeRegistry {address}"
        case _:
            return type(step).__name__


TABLE: list[tuple[str, Seen, Policy, set[str], str]] = [
    ("nothing is there", Seen((), ()), STRICT, set(), "Blocked"),
    ("nothing is there, make", Seen((), ()), FREE, set(), "MakeRegistry quay.io"),
    ("removed", seen(ACTIVE, registry=GONE), FREE, set(), "MakeRegistry quay.io"),
    ("removed, strict", seen(ACTIVE, registry=GONE), STRICT, set(), "Blocked"),
    ("being removed", seen(ACTIVE, registry=GOING), FREE, set(), "Await 1sp1"),
    ("being removed, strict", seen(ACTIVE, registry=GOING), STRICT, set(), "Blocked"),
    ("stuck", seen(ACTIVE, registry=STUCK), FREE, set(), "Blocked"),
    ("inactive", seen(ACTIVE, registry=IDLE), STRICT, set(), "Blocked"),
    ("inactive, the secret first", seen(ACTIVE, registry=IDLE), FREE, set(), "Put 1c1"),
    ("inactive, then itself", seen(ACTIVE, registry=IDLE), FREE, {"1c1"}, "Activate 1sp1"),
    ("inactive and empty", seen(registry=IDLE), FREE, set(), "MakeCredential"),
    ("going inactive", seen(ACTIVE, registry=LEAVING), FREE, set(), "Await 1sp1"),
    ("going inactive, strict", seen(ACTIVE, registry=LEAVING), STRICT, set(), "Blocked"),
    ("empty", seen(), STRICT, set(), "Blocked"),
    ("empty, make", seen(), FREE, set(), "MakeCredential"),
    ("removed ones only", seen(GONE, GOING), FREE, set(), "MakeCredential"),
    ("one", seen(ACTIVE), STRICT, set(), "Put 1c1"),
    ("one, supplied", seen(ACTIVE), STRICT, {"1c1"}, "Settled 1c1"),
    ("one, becoming active", seen(COMING), STRICT, {"1c1"}, "Await 1c1"),
    ("a registry that becomes active", seen(ACTIVE, registry=COMING), STRICT, set(), "Put 1c1"),
    ("the same, later", seen(ACTIVE, registry=COMING), STRICT, {"1c1"}, "Await 1sp1"),
    ("an inactive one", seen(IDLE), STRICT, set(), "Blocked"),
    ("an inactive one, the secret first", seen(IDLE), FREE, set(), "Put 1c1"),
    ("an inactive one, then itself", seen(IDLE), FREE, {"1c1"}, "Activate 1c1"),
    ("one that goes inactive", seen(LEAVING), FREE, {"1c1"}, "Await 1c1"),
    ("one that goes inactive, strict", seen(LEAVING), STRICT, set(), "Blocked"),
    ("a stuck one", seen(STUCK), FREE, set(), "Blocked"),
    ("a stuck one beside a good one", seen(STUCK, ACTIVE), FREE, {"1c2"}, "Settled 1c2"),
    ("inactive ones beside a good one", seen(IDLE, ACTIVE, IDLE), FREE, {"1c2"}, "Settled 1c2"),
    ("two, the oldest", seen(ACTIVE, ACTIVE), STRICT, set(), "Put 1c1"),
    ("two, then the other", seen(ACTIVE, ACTIVE), STRICT, {"1c1"}, "Deactivate 1c2"),
    ("two, one on its way", seen(COMING, ACTIVE), STRICT, {"1c1"}, "Await 1c1"),
    ("two, the other on its way out", seen(ACTIVE, LEAVING), STRICT, {"1c1"}, "Settled 1c1"),
    ("two, the newest", seen(ACTIVE, ACTIVE), NEWEST, set(), "Put 1c2"),
    ("two, the newest, then the other", seen(ACTIVE, ACTIVE), NEWEST, {"1c2"}, "Deactivate 1c1"),
    ("two, all", seen(ACTIVE, ACTIVE), ALL, {"1c1"}, "Put 1c2"),
    ("two, all supplied", seen(ACTIVE, ACTIVE), ALL, {"1c1", "1c2"}, "Settled 1c1 1c2"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_the_next_step(row: tuple[str, Seen, Policy, set[str], str]) -> None:
    """Nothing is made or activated unasked, and nothing is in use before it holds the secret."""
    _, there, policy, supplied, expected = row
    assert shown(next_step(there, QUAY, policy, supplied)) == expected


HELD = {
    "nothing is there": Foreign,
    "nothing is there, make": Absent,
    "removed": Absent,
    "removed, strict": Foreign,
    "being removed": Absent,
    "stuck": Foreign,
    "inactive": Foreign,
    "inactive, the secret first": Absent,
    "empty": Foreign,
    "empty, make": Absent,
    "one": Opaque,
    "one, becoming active": Opaque,
    "a registry that becomes active": Opaque,
    "an inactive one": Foreign,
    "an inactive one, the secret first": Absent,
    "one that goes inactive": Absent,
    "one that goes inactive, strict": Foreign,
    "a stuck one": Foreign,
    "a stuck one beside a good one": Opaque,
    "two, the oldest": Absent,
    "two, the newest": Absent,
    "two, the other on its way out": Opaque,
    "two, all": Opaque,
}


@pytest.mark.parametrize("name", HELD)
def test_what_is_held_follows_from_it(name: str) -> None:
    """What needs a write is absent, what needs a person is foreign, the rest can't be read."""
    there, policy = next((row[1], row[2]) for row in TABLE if row[0] == name)
    held = holding(there, QUAY, policy)
    assert isinstance(held, HELD[name])
    if isinstance(held, Foreign):
        assert held.reason.startswith(f"{QUAY}: ")


SPELLINGS = {
    "quay.io": (QUAY, True),
    "QUAY.io": (QUAY, True),
    "https://quay.io": (QUAY, False),
    "http://Quay.io/": (QUAY, False),
    "quay.io/": (QUAY, False),
    "quay.io/v2/": (QUAY, False),
    "index.docker.io": ("docker.io", True),
    "Index.Docker.io": ("docker.io", True),
    "docker.io": ("docker.io", False),
    "https://index.docker.io/v1/": ("docker.io", False),
    "registry.example:5000": ("registry.example:5000", True),
    "192.168.5.0": ("192.168.5.0", True),
}


@pytest.mark.parametrize("stored", SPELLINGS)
def test_an_address_is_found_in_any_spelling(stored: str) -> None:
    """Case, scheme, slash and Docker Hub's names; and one that no image finds is told."""
    address, found_by_images = SPELLINGS[stored]
    there = seen(ACTIVE, address=stored)
    step = next_step(there, address, STRICT, {"1c1"})
    assert isinstance(step, Settled)
    assert (misspelt(step.registries, address) == "") is found_by_images


@pytest.mark.parametrize(
    "stored", ["quay.io:443", "quay.io.evil.example", "my-quay.io", "quay.io/team", "@", "", "::"]
)
def test_another_address_is_another_registry(stored: str) -> None:
    """A port is part of the name, as for docker; what is no address matches nothing."""
    assert isinstance(next_step(seen(ACTIVE, address=stored), QUAY, STRICT, ()), Blocked)


def test_docker_hub_is_made_under_its_name_in_rancher() -> None:
    """Images without a registry look for index.docker.io."""
    assert next_step(Seen((), ()), "docker.io", FREE, ()) == MakeRegistry("index.docker.io")


def test_a_path_is_nothing_that_rancher_knows() -> None:
    """Its registries are hosts."""
    step = next_step(seen(ACTIVE, address="quay.io/team"), "quay.io/team", FREE, ())
    assert isinstance(step, Blocked)
    assert "serve quay.io instead" in step.reason


def rows(*pairs: tuple[str, Phase]) -> Seen:
    """Return registries by address, each with one active credential."""
    found = [Registry(f"1sp{n}", phase, address) for n, (address, phase) in enumerate(pairs, 1)]
    return Seen(
        tuple(found), tuple(Credential(f"1c{r.id[3:]}", ACTIVE, r.id, "AWS") for r in found)
    )


def test_registries_of_one_address_are_all_supplied() -> None:
    """Two spellings, or a race, make two rows, and pulls may use either."""
    both = rows((QUAY, ACTIVE), ("QUAY.IO", ACTIVE), ("https://quay.io", ACTIVE))
    supplied: set[str] = set()
    for number in ("1c1", "1c2", "1c3"):
        assert shown(next_step(both, QUAY, STRICT, supplied)) == f"Put {number}"
        supplied.add(number)
    assert shown(next_step(both, QUAY, STRICT, supplied)) == "Settled 1c1 1c2 1c3"


def test_one_that_serves_leaves_the_others_alone() -> None:
    """A person may have deactivated or emptied a second row on purpose."""
    other = rows((QUAY, IDLE), ("QUAY.IO", ACTIVE))
    assert shown(next_step(other, QUAY, FREE, {"1c2"})) == "Settled 1c2"
    there = rows((QUAY, ACTIVE), ("QUAY.IO", ACTIVE))
    empty = Seen(there.registries, there.credentials[:1])
    assert shown(next_step(empty, QUAY, STRICT, {"1c1"})) == "Settled 1c1"
    assert shown(next_step(empty, QUAY, FREE, {"1c1"})) == "MakeCredential"


def test_the_one_that_images_find_is_activated() -> None:
    """Of several inactive ones, the one in the right spelling."""
    both = rows(("https://quay.io", IDLE), (QUAY, IDLE))
    assert shown(next_step(both, QUAY, FREE, {"1c1", "1c2"})) == "Activate 1sp2"


def test_the_oldest_is_the_lowest_number() -> None:
    """As numbers, not as text, in whatever order the server lists them."""
    found = [Credential(f"1c{number}", ACTIVE, "1sp1", "AWS") for number in (10, 9, 100)]
    there = Seen((Registry("1sp1", ACTIVE, QUAY),), tuple(found))
    assert shown(next_step(there, QUAY, STRICT, ())) == "Put 1c9"
    assert shown(next_step(there, QUAY, NEWEST, ())) == "Put 1c100"


@pytest.mark.parametrize(
    ("pairs", "held"),
    [
        ([("AWS", None)], Opaque("AWS")),
        ([("AWS", "one")], Value("AWS", Secret("one"))),
        ([("AWS", None), ("AWS", None)], Opaque("AWS")),
        ([("AWS", "one"), ("AWS", "one")], Value("AWS", Secret("one"))),
        ([("AWS", "one"), ("AWS", "two")], Absent()),
        ([("AWS", None), ("ann", None)], Absent()),
        ([("", None)], Absent()),
    ],
)
def test_what_several_hold_together(pairs: list[tuple[str, str | None]], held: object) -> None:
    """Those that are all in use must agree, else they need a write; so does one without a user."""
    found = [
        Credential(f"1c{number}", ACTIVE, "1sp1", name, Secret(text) if text else None)
        for number, (name, text) in enumerate(pairs, 1)
    ]
    there = Seen((Registry("1sp1", ACTIVE, QUAY),), tuple(found))
    assert holding(there, QUAY, ALL) == held


STATES = {
    "active": ACTIVE,
    "requested": COMING,
    "registering": COMING,
    "activating": COMING,
    "updating-active": COMING,
    "inactive": IDLE,
    "deactivating": LEAVING,
    "updating-inactive": LEAVING,
    "removing": GOING,
    "removed": GONE,
    "purging": GONE,
    "purged": GONE,
    "dreaming": STUCK,
    None: STUCK,
}


@pytest.mark.parametrize("state", STATES, ids=str)
def test_states_are_phases(state: str | None) -> None:
    """A process that ended with an error is one that somebody has to look at."""
    document = {"id": "1sp1", "serverAddress": QUAY, "state": state, "transitioning": "yes"}
    assert registries([document])[0].phase is STATES[state]
    lasting = STATES[state] in (ACTIVE, IDLE, GONE)
    failed = registries([document | {"transitioning": "error"}])[0].phase
    assert failed is (STATES[state] if lasting else STUCK)


def test_odd_rows_are_left_out() -> None:
    """Their ids would get into URLs."""
    good = {"id": "1sp1", "serverAddress": QUAY, "state": "active"}
    odd = [good | {"id": text} for text in ("", "../1sp1", "1sp1/x", "sp1", "1sp")]
    assert [row.id for row in registries([*odd, good, {**good, "serverAddress": 5}])] == ["1sp1"]
    assert credentials([{"id": "?"}]) == ()


PHASES = st.lists(st.sampled_from(Phase), max_size=4)


@settings(deadline=None)
@given(PHASES, PHASES, st.sampled_from([STRICT, FREE, NEWEST, ALL]))
def test_every_state_leads_somewhere(first: list[Phase], second: list[Phase], rule: Policy) -> None:
    """Whatever is there: each step changes something, and in the end nothing is left to do."""
    ids = itertools.count(100)
    found = [Registry(f"1sp{number}", each, QUAY) for number, each in enumerate(first, 1)]
    held = [Credential(f"1c{next(ids)}", each, row.id, "AWS") for row in found for each in second]
    supplied: set[str] = set()
    for _ in range(60):
        step = next_step(Seen(tuple(found), tuple(held)), QUAY, rule, supplied)
        match step:
            case Settled(kept):
                assert {row.id for row in kept} <= supplied
                assert all(row.phase is ACTIVE for row in kept)
                return
            case Blocked():
                return
            case Put(row):
                assert row.id not in supplied
                supplied.add(row.id)
            case MakeRegistry(address):
                found.append(Registry(f"1sp{next(ids)}", COMING, address))
            case MakeCredential(registry):
                held.append(Credential(f"1c{next(ids)}", COMING, registry.id, "AWS"))
                supplied.add(held[-1].id)
            case Activate(row) | Await(row) | Deactivate(row):
                found = [_moved(each, step) if each.id == row.id else each for each in found]
                held = [_moved(each, step) if each.id == row.id else each for each in held]
    pytest.fail("it never ends")


_Row = TypeVar("_Row", Registry, Credential)


def _moved(row: _Row, step: Step) -> _Row:
    """Return a row after the server has done what was asked, or what it was at."""
    if isinstance(step, Activate):
        assert row.phase is IDLE
        return replace(row, phase=COMING)
    if isinstance(step, Deactivate):
        assert row.phase in (ACTIVE, COMING)
        return replace(row, phase=LEAVING)
    return replace(row, phase={COMING: ACTIVE, LEAVING: IDLE, GOING: GONE}[row.phase])
