"""What a write does at an environment, step by step, and how it looks whether that was kept."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from refresher.model.plan import Opaque
from refresher.ports import Written
from refresher.testing import FakeClock
from tests.doubles.rancher import Asked, Choice, Fault, How, KeyKind, Pace, RancherDouble
from tests.doubles.rancher.faults import conflict, invalid, lost_write, refusal
from tests.doubles.rancher.message import Answer
from tests.doubles.rancher.rows import Row
from tests.sinks.rancher.conftest import (
    QUAY,
    SECRET,
    MakeSink,
    busy,
    changes,
    refused,
    stored,
    written,
)

EMAIL = "not-really@required.anymore"


@dataclass
class Place:
    """An environment with quay.io and a credential of it."""

    rancher: RancherDouble
    project: str
    registry: str
    credential: str

    def row(self, what: str) -> Row:
        """Return the `registry` or the `credential`."""
        if what == "registry":
            return self.rancher.registry(self.registry)
        return self.rancher.credential(self.credential)

    def put(self, what: str, state: str) -> None:
        """Put one of them into a state."""
        self.rancher.set_state(self.row(what), state)

    def pulls(self) -> tuple[str, str] | None:
        """Return what a new container pulls with."""
        return self.rancher.pull(self.project, f"{QUAY}/acme/app").credential


@pytest.fixture
def registry(rancher: RancherDouble, project: str) -> str:
    """Add quay.io."""
    return rancher.add_registry(project, QUAY)


@pytest.fixture
def credential(rancher: RancherDouble, registry: str) -> str:
    """Add a credential of it."""
    return rancher.add_credential(registry, "ann", "old")


@pytest.fixture
def place(rancher: RancherDouble, project: str, registry: str, credential: str) -> Place:
    """Add both."""
    return Place(rancher, project, registry, credential)


def wrote(rancher: RancherDouble) -> list[Asked]:
    """Return what was asked to change something."""
    return [asked for asked in rancher.asked() if asked.writes]


def did(rancher: RancherDouble) -> list[str]:
    """Return the same in short."""
    return [
        f"{asked.method} {asked.id or asked.kind} {asked.action}".strip()
        for asked in wrote(rancher)
    ]


# --- in place ----------------------------------------------------------------------


def test_a_credential_is_changed_in_place(
    rancher: RancherDouble, project: str, credential: str, make: MakeSink
) -> None:
    """By one PUT that holds nothing else, and is looked at afterwards."""
    instance = rancher.create_instance(project, f"{QUAY}/acme/app")
    assert written(make().write(project, changes())) == ()
    assert stored(rancher, credential) == ("AWS", SECRET)
    assert did(rancher) == [f"PUT {credential}"]
    assert wrote(rancher)[0].body == {"publicValue": "AWS", "secretValue": SECRET}
    assert rancher.asked()[-1].method == "GET"
    assert rancher.pull_again(instance).credential == ("AWS", SECRET)


def test_several_registries_cost_one_look(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """Two lists before, one after, and a PUT for each."""
    names = [f"registry-{number}.example" for number in range(5)]
    for name in names:
        rancher.add_credential(rancher.add_registry(project, name), "ann", "old")
    made = make(environments=[project])
    assert written(made.write(project, changes(*names))) == ()
    assert len(rancher.asked(method="PUT")) == 5
    assert len(rancher.asked(method="GET")) == 3


def test_nothing_to_do_asks_for_nothing(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """A write without changes is done."""
    assert make(environments=[project]).write(project, []) == Written()
    assert rancher.asked() == []


@pytest.mark.parametrize("choice", Choice)
@pytest.mark.parametrize("several", ["oldest", "newest", "all"])
def test_several_active_ones_are_settled(
    place: Place, make: MakeSink, choice: Choice, several: str
) -> None:
    """Whichever one a server takes, a new container pulls with the new secret."""
    rancher, project = place.rancher, place.project
    rancher.rules.choice = choice
    more = [rancher.add_credential(place.registry, f"user-{n}", "old") for n in range(2)]
    rows = [place.credential, *more]
    made = make(several=several)
    notes = written(made.write(project, changes()))
    assert place.pulls() == ("AWS", SECRET)
    kept = {"oldest": rows[:1], "newest": rows[-1:], "all": rows}[several]
    assert [row for row in rows if rancher.credential(row).state == "active"] == kept
    assert all(stored(rancher, row) == ("AWS", SECRET) for row in kept)
    assert [note.count(f"{kept[0]} is kept") for note in notes] == [1] * (3 - len(kept))
    assert made.read([QUAY]) == {project: {QUAY: Opaque("AWS")}}
    rancher.forget()
    assert written(made.write(project, changes(secret="next"))) == ()
    assert did(rancher) == [f"PUT {row}" for row in kept]


def test_a_container_of_a_second_one_stays_supplied(
    rancher: RancherDouble, project: str, registry: str, make: MakeSink
) -> None:
    """With `several: all`: it keeps for life the row that it was made with."""
    first, second = (rancher.add_credential(registry, "ann", "old") for _ in range(2))
    rancher.rules.choice = Choice.NEWEST
    instance = rancher.create_instance(project, f"{QUAY}/acme/app")
    written(make(several="all").write(project, changes()))
    assert rancher.pull_again(instance).credential == ("AWS", SECRET)
    assert stored(rancher, first) == stored(rancher, second)


def test_a_person_s_words_stay(
    rancher: RancherDouble, project: str, credential: str, make: MakeSink
) -> None:
    """The description of a credential that was not made here is nobody else's business."""
    for text in ("mine", None):
        rancher.credential(credential).fields["description"] = text
        written(make().write(project, changes()))
        assert rancher.credential(credential).fields["description"] == text


# --- what is missing ---------------------------------------------------------------


def test_what_is_missing_is_made_if_asked_for(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """A registry, then its credential, with the e-mail address that old servers want."""
    made = make(create=True)
    first, second = written(made.write(project, changes()))
    assert first == f"environment production ({project}): made the registry 1sp1 of {QUAY}"
    assert second == f"environment production ({project}): made the credential 1c1 of {QUAY}"
    made_registry, made_credential = wrote(rancher)
    assert made_registry.body == {"serverAddress": QUAY}
    body = made_credential.body
    assert body.pop("description").startswith("Kept up to date by refresher, 2026-03-01T12:00:")
    assert body == {
        "registryId": "1sp1",
        "publicValue": "AWS",
        "secretValue": SECRET,
        "email": EMAIL,
    }
    assert rancher.pull(project, f"{QUAY}/acme/app").credential == ("AWS", SECRET)


def test_the_address_of_a_person_is_not_sent(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """A server has no use for it."""
    made = [
        replace(change, credential=replace(change.credential, email="ann@example.com"))
        for change in changes()
    ]
    written(make(create=True).write(project, made))
    assert not any(b"ann@example.com" in asked.raw for asked in rancher.asked())


def test_docker_hub_is_made_where_images_look_for_it(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """`docker run nginx` asks index.docker.io."""
    written(make(create=True).write(project, changes("docker.io")))
    assert rancher.pull(project, "nginx").credential == ("AWS", SECRET)


@pytest.mark.parametrize("there", ["nothing", "a registry"])
def test_what_is_missing_is_refused_else(
    rancher: RancherDouble, project: str, make: MakeSink, there: str
) -> None:
    """With what to do; nothing is written."""
    if there == "a registry":
        rancher.add_registry(project, QUAY)
    reason = refused(make().write(project, changes()))
    assert f"environment production ({project}): {QUAY}: " in reason
    assert "set create: true" in reason
    assert wrote(rancher) == []


def test_one_that_is_missing_hides_no_other(
    rancher: RancherDouble, project: str, credential: str, make: MakeSink
) -> None:
    """What can be supplied is, and the answer names the rest."""
    reason = refused(make().write(project, changes("a.example", QUAY, "b.example")))
    assert "a.example: there is no such registry" in reason
    assert "b.example: there is no such registry" in reason
    assert QUAY not in reason
    assert stored(rancher, credential) == ("AWS", SECRET)


def test_a_removed_registry_is_made_anew(
    rancher: RancherDouble, project: str, registry: str, credential: str, make: MakeSink
) -> None:
    """While it is being removed its address is in use, which is waited for."""
    rancher.rules.pace = Pace(seconds=1.0)
    rancher.set_state(rancher.registry(registry), "removing")
    notes = written(make(create=True).write(project, changes()))
    assert "made the registry" in notes[0]
    assert rancher.pull(project, f"{QUAY}/acme/app").credential == ("AWS", SECRET)
    assert stored(rancher, credential) == ("ann", "old")


def test_two_writers_make_one_registry(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """Who comes second takes what is there."""
    sinks = [make(create=True) for _ in range(2)]
    rancher.fail(refusal(400, "ServerAddressUsed", applied=True), method="POST", kind="registry")
    written(sinks[0].write(project, changes()))
    written(sinks[1].write(project, changes()))
    assert len(rancher.asked(method="POST", kind="registry")) == 1
    assert len(rancher.asked(method="POST", kind="registryCredential")) == 1


def test_two_registries_of_a_race_are_both_supplied(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """The server checks first and adds later, so two rows of one address are possible."""
    rancher.race(2, patience=5.0)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: make(create=True).write(project, changes()), range(2)))
    assert sum(isinstance(outcome, Written) for outcome in outcomes) >= 1
    written(make(create=True).write(project, changes(secret="next")))
    assert rancher.pull(project, f"{QUAY}/acme/app").credential == ("AWS", "next")
    rows = [rancher.credential(f"1c{number}") for number in (1, 2)]
    active = [row.fields for row in rows if row.state == "active"]
    assert {fields["secretValue"] for fields in active} == {"next"}


# --- what is inactive --------------------------------------------------------------


@pytest.mark.parametrize("what", ["registry", "credential", "both"])
@pytest.mark.parametrize("state", ["inactive", "deactivating", "updating-inactive"])
def test_what_is_inactive_is_activated_if_asked_for(
    place: Place, make: MakeSink, what: str, state: str
) -> None:
    """It holds the new secret before anybody can pull with it."""
    place.rancher.rules.pace = Pace(seconds=0.3)
    if what != "credential":
        place.put("registry", state)
    if what != "registry":
        place.put("credential", state)
    notes = written(make(activate=True).write(place.project, changes()))
    assert did(place.rancher)[0] == f"PUT {place.credential}"
    assert sum("activated the" in note for note in notes) == (2 if what == "both" else 1)
    assert place.pulls() == ("AWS", SECRET)


@pytest.mark.parametrize("what", ["registry", "credential"])
@pytest.mark.parametrize("state", ["inactive", "deactivating", "updating-inactive"])
def test_what_is_inactive_is_left_alone_else(
    place: Place, make: MakeSink, what: str, state: str
) -> None:
    """Somebody has deactivated it, perhaps for a reason; a new row would go around that."""
    place.put(what, state)
    reason = refused(make(create=True).write(place.project, changes()))
    assert f"the {what} 1" in reason
    assert "is inactive: activate it in Rancher, or set activate: true" in reason
    assert wrote(place.rancher) == []


# --- what is on its way ------------------------------------------------------------


@pytest.mark.parametrize("what", ["registry", "credential"])
@pytest.mark.parametrize("state", ["registering", "activating", "updating-active"])
@pytest.mark.parametrize("pace", [Pace(seconds=2.0), Pace(polls=3)], ids=["time", "looks"])
def test_what_is_on_its_way_is_waited_for(
    place: Place, make: MakeSink, what: str, state: str, pace: Pace
) -> None:
    """The secret is put there at once, and the write is over when pulls find it."""
    place.rancher.rules.pace = pace
    place.put(what, state)
    assert written(make().write(place.project, changes())) == ()
    assert place.pulls() == ("AWS", SECRET)


@pytest.mark.parametrize("what", ["registry", "credential"])
def test_what_takes_long_is_busy(place: Place, make: MakeSink, clock: FakeClock, what: str) -> None:
    """After five seconds; the engine comes back."""
    place.rancher.rules.pace = Pace(seconds=3600)
    place.put(what, "activating")
    before = clock.monotonic()
    reason = busy(make().write(place.project, changes()))
    assert f"the {what} {getattr(place, what)} of {QUAY}" in reason
    assert reason.endswith("is still changing its state")
    assert 4 < clock.monotonic() - before < 6
    assert stored(place.rancher, place.credential) == ("AWS", SECRET)


@pytest.mark.parametrize("what", ["registry", "credential"])
def test_what_is_stuck_needs_a_person(place: Place, make: MakeSink, what: str) -> None:
    """A process of the server has failed; its words are told by Rancher, not here."""
    place.rancher.fail_process("activate", "canary")
    place.put(what, "activating")
    reason = refused(make().write(place.project, changes()))
    assert f"{QUAY}: the {what} 1" in reason
    assert "is stuck in Rancher" in reason
    assert "canary" not in reason


def test_an_activation_that_fails_is_told(
    rancher: RancherDouble, project: str, registry: str, credential: str, make: MakeSink
) -> None:
    """The secret is there, and nobody can pull with it."""
    rancher.set_state(rancher.registry(registry), "inactive")
    rancher.fail_process("activate", "no")
    assert "is stuck in Rancher" in refused(make(activate=True).write(project, changes()))
    assert stored(rancher, credential) == ("AWS", SECRET)


# --- conflicts ---------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "fault",
    [conflict(), refusal(404), invalid("ActionNotAvailable", "action")],
    ids=["409", "404", "422"],
)
def test_a_conflict_is_looked_at_again_at_once(
    place: Place, make: MakeSink, clock: FakeClock, times: int, fault: Fault
) -> None:
    """Three times at most, and without waiting."""
    place.rancher.fail(fault, times, method="PUT")
    before = clock.monotonic()
    outcome = make().write(place.project, changes())
    assert clock.monotonic() == before
    assert len(place.rancher.asked(method="PUT")) == min(times + 1, 4)
    if times < 4:
        assert written(outcome) == ()
        assert stored(place.rancher, place.credential) == ("AWS", SECRET)
    else:
        assert f"the credential {place.credential} of {QUAY}" in busy(outcome)


def test_a_conflict_hides_no_other_registry(
    rancher: RancherDouble, project: str, credential: str, make: MakeSink
) -> None:
    """Each has its own three."""
    other = rancher.add_credential(rancher.add_registry(project, "b.example"), "ann", "old")
    rancher.fail(conflict(), None, id=credential, method="PUT")
    assert "in use by somebody else" in busy(make().write(project, changes(QUAY, "b.example")))
    assert stored(rancher, other) == ("AWS", SECRET)
    assert len(rancher.asked(method="PUT", id=other)) == 1


def test_what_goes_away_meanwhile_is_seen(
    rancher: RancherDouble, project: str, credential: str, make: MakeSink
) -> None:
    """A new look finds out that there is nothing to change any more."""
    rancher.set_state(rancher.credential(credential), "removed")
    rancher.credential(credential).removed = rancher.credential(credential).created
    assert "has no credential" in refused(make().write(project, changes()))


@pytest.mark.parametrize("kind", ["registry", "registryCredential"])
def test_an_answer_that_got_lost_makes_nothing_twice(
    rancher: RancherDouble, project: str, make: MakeSink, kind: str
) -> None:
    """Whether it was made is looked up by the next write."""
    rancher.fail(refusal(502, applied=True), method="POST", kind=kind)
    made = make(create=True)
    assert "(status 502)" in busy(made.write(project, changes()))
    written(made.write(project, changes()))
    assert len(rancher.asked(method="POST", kind=kind)) == 1
    assert rancher.pull(project, f"{QUAY}/acme/app").credential == ("AWS", SECRET)


# --- writes that are not kept ------------------------------------------------------

LOST = "and shows that it did not"


def test_a_lost_change_is_noticed_by_the_user_name(
    rancher: RancherDouble, project: str, credential: str, make: MakeSink
) -> None:
    """The good answer to a PUT proves nothing."""
    rancher.fail(lost_write(), method="PUT")
    assert LOST in busy(make().write(project, changes()))
    assert stored(rancher, credential) == ("ann", "old")


def test_a_lost_change_is_noticed_by_the_secret(
    rancher: RancherDouble, project: str, registry: str, make: MakeSink
) -> None:
    """Where the keys may read it."""
    rancher.add_credential(registry, "AWS", "old")
    key = rancher.environment_key(project, KeyKind.AGENT_ADMIN)
    rancher.fail(lost_write(), method="PUT")
    assert LOST in busy(make(key).write(project, changes()))


def test_a_lost_change_is_noticed_by_our_mark(
    rancher: RancherDouble, project: str, make: MakeSink, clock: FakeClock
) -> None:
    """On a credential that was made here, although nothing else can be seen of it."""
    made = make(create=True)
    written(made.write(project, changes()))
    clock.advance(60)
    rancher.fail(lost_write(), method="PUT")
    assert LOST in busy(made.write(project, changes(secret="next")))
    assert written(made.write(project, changes(secret="next"))) == ()
    assert rancher.pull(project, f"{QUAY}/acme/app").credential == ("AWS", "next")


@pytest.mark.parametrize("kind", ["registry", "registryCredential"])
def test_what_was_made_and_lost_is_noticed(
    rancher: RancherDouble, project: str, make: MakeSink, kind: str
) -> None:
    """It is not made over and over."""
    rancher.fail(lost_write(), None, method="POST", kind=kind)
    assert LOST in busy(make(create=True).write(project, changes()))
    assert len(rancher.asked(method="POST", kind=kind)) == 1


def test_an_action_that_does_nothing_is_noticed(
    rancher: RancherDouble, project: str, registry: str, credential: str, make: MakeSink
) -> None:
    """Nor is an action taken over and over."""
    rancher.set_state(rancher.registry(registry), "inactive")
    rancher.fail(lost_write(), None, action="activate")
    assert LOST in busy(make(activate=True).write(project, changes()))
    assert did(rancher) == [f"PUT {credential}", f"POST {registry} activate"]


@pytest.mark.usefixtures("registry")
def test_a_row_without_an_id_in_its_answer_is_found_all_the_same(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """It is supplied once more, as nothing is known of it."""
    rancher.fail(Fault(Answer(201, {}), applied=True), method="POST")
    written(make(create=True).write(project, changes()))
    assert did(rancher) == ["POST registryCredential", "PUT 1c1"]


# --- spellings ---------------------------------------------------------------------


def test_a_spelling_that_no_image_finds_is_supplied_and_told(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """Somebody has added it so; that pulls don't use it is worth a word each time."""
    row = rancher.add_credential(rancher.add_registry(project, "https://Quay.io/"), "ann", "old")
    (note,) = written(make().write(project, changes()))
    assert stored(rancher, row) == ("AWS", SECRET)
    assert f"no image that means {QUAY} finds 1sp1" in note
    assert rancher.pull(project, f"{QUAY}/acme/app").how is How.ANONYMOUS


@pytest.mark.parametrize("address", ["Index.Docker.IO", "index.docker.io"])
def test_docker_hub_is_found_under_its_name(
    rancher: RancherDouble, project: str, make: MakeSink, address: str
) -> None:
    """docker.io and index.docker.io are one registry."""
    rancher.add_credential(rancher.add_registry(project, address), "ann", "old")
    assert written(make().write(project, changes("docker.io"))) == ()
    assert rancher.pull(project, "nginx").credential == ("AWS", SECRET)


# --- limits ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "taken"),
    [("x" * 4096, True), ("x" * 4097, False), ("\N{PILE OF POO}" * 2049, False)],
    ids=["4096", "4097", "4098 for Java"],
)
def test_what_is_too_long_is_not_sent(
    place: Place, make: MakeSink, secret: str, *, taken: bool
) -> None:
    """Rancher would refuse it; the others are written all the same."""
    rancher, project, credential = place.rancher, place.project, place.credential
    other = rancher.add_credential(rancher.add_registry(project, "b.example"), "ann", "old")
    outcome = make().write(project, [*changes(secret=secret), *changes("b.example")])
    assert stored(rancher, other) == ("AWS", SECRET)
    if taken:
        assert stored(rancher, credential) == ("AWS", secret)
    else:
        reason = refused(outcome)
        assert "Rancher keeps 4096 at most" in reason
        assert secret[:12] not in reason
        assert stored(rancher, credential) == ("ann", "old")


def test_a_user_name_may_be_too_long_too(project: str, make: MakeSink) -> None:
    """The same column, the same limit."""
    reason = refused(make().write(project, changes(username="u" * 4097)))
    assert "the user name has 4097 characters" in reason


def test_a_path_is_refused(project: str, make: MakeSink) -> None:
    """Rancher's registries are hosts."""
    assert "serve quay.io instead" in refused(make().write(project, changes("quay.io/team")))


# --- threads -----------------------------------------------------------------------


def test_one_sink_serves_many_threads(rancher: RancherDouble, make: MakeSink) -> None:
    """Reads and writes at many environments at once, over connections that are kept open."""
    projects = [rancher.add_project(f"number {number}") for number in range(12)]
    rows = [rancher.add_credential(rancher.add_registry(p, QUAY), "ann", "old") for p in projects]
    made = make(rancher.account_key(*projects), environments="all", concurrency=4)
    made.read([QUAY])
    connections = threading.active_count()
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(lambda each: made.write(each, changes(secret=each)), projects))
        reads = list(pool.map(lambda _: made.read([QUAY]), range(3)))
    assert all(isinstance(outcome, Written) for outcome in outcomes)
    assert [stored(rancher, row) for row in rows] == [("AWS", each) for each in projects]
    assert reads == [{each: {QUAY: Opaque("AWS")} for each in projects}] * 3
    # The double has a thread for each connection: about as many as there were calls at once.
    assert threading.active_count() - connections <= 12


def test_a_fault_of_our_own_is_no_outcome_of_another(make: MakeSink, project: str) -> None:
    """What can't be in a port's values comes out of the read, once all the others are done."""
    begun = time.monotonic()
    with pytest.raises(AttributeError):
        make(environments=[project, "1a6"]).read([5])  # type: ignore[list-item]
    assert time.monotonic() - begun < 5
