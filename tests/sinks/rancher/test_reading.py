"""What is held at each environment, over all pages and in every state."""

import pytest

from refresher.errors import PermanentError, RetryableError
from refresher.model.credential import Secret
from refresher.model.plan import Absent, Foreign, Opaque, Value
from refresher.testing import FakeClock
from tests.doubles.rancher import Fault, KeyKind, Pace, RancherDouble
from tests.doubles.rancher.faults import refusal
from tests.doubles.rancher.kinds import REGISTRY
from tests.doubles.rancher.message import Answer
from tests.model.vectors import vectors
from tests.sinks.rancher.conftest import QUAY, MakeSink, busy, changes, refused, sink, written


def test_a_secret_that_is_not_shown_is_opaque(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """The user name is all that there is to see."""
    rancher.add_credential(rancher.add_registry(project, QUAY), "ann", "old")
    assert make().read([QUAY]) == {project: {QUAY: Opaque("ann")}}


@pytest.mark.parametrize("kind", [KeyKind.AGENT_ADMIN, KeyKind.PROJECT_ADMIN])
def test_a_secret_that_is_shown_is_a_value(
    rancher: RancherDouble, project: str, make: MakeSink, kind: KeyKind
) -> None:
    """Some keys may read it."""
    rancher.add_credential(rancher.add_registry(project, QUAY), "ann", "old")
    held = make(rancher.environment_key(project, kind)).read([QUAY])
    assert held == {project: {QUAY: Value("ann", Secret("old"))}}


@pytest.mark.parametrize("state", ["removed", "purging", "purged"])
def test_what_is_removed_is_absent(
    rancher: RancherDouble, project: str, make: MakeSink, state: str
) -> None:
    """Rancher keeps such rows for a while."""
    rancher.add_credential(rancher.add_registry(project, QUAY, state=state), "ann", "old")
    assert make(create=True).read([QUAY]) == {project: {QUAY: Absent()}}
    held = make().read([QUAY])[project]
    assert isinstance(held, dict)
    assert held[QUAY] == Foreign(
        f"{QUAY}: there is no such registry: add it in Rancher, or set create: true"
    )


@pytest.mark.parametrize(
    ("state", "held"),
    [
        ("registering", Opaque("ann")),
        ("activating", Opaque("ann")),
        ("updating-active", Opaque("ann")),
        ("deactivating", None),
        ("updating-inactive", None),
        ("removing", None),
    ],
)
@pytest.mark.parametrize("which", ["registry", "credential"])
def test_what_is_on_its_way_is_told_by_where_it_goes(
    rancher: RancherDouble, make: MakeSink, state: str, held: object, which: str
) -> None:
    """A read waits for nothing."""
    rancher.rules.pace = Pace(polls=99)
    registry = rancher.add_registry("1a5", QUAY, state=state if which == "registry" else "active")
    own = state if which == "credential" else "active"
    rancher.add_credential(registry, "ann", "old", state=own)
    (found,) = make().read([QUAY]).values()
    assert isinstance(found, dict)
    assert found[QUAY] == held or (held is None and isinstance(found[QUAY], Foreign))


def test_all_pages_are_read(rancher: RancherDouble, project: str, make: MakeSink) -> None:
    """However few rows a server gives at a time."""
    (row,) = (row for row in vectors("rancher1.json") if row.get("name") == "paging")
    assert row["expect"]["follow"]
    rancher.rules.max_limit = 100
    names = [f"registry-{number}.example" for number in range(230)]
    for name in names:
        rancher.add_credential(rancher.add_registry(project, name), name, "old")
    held = make().read(names)[project]
    assert held == {name: Opaque(name) for name in names}
    assert len(rancher.asked(kind="registry")) == 3
    assert written(make().write(project, changes(names[-1]))) == ()


def test_links_lead_nowhere_else(rancher: RancherDouble, project: str, make: MakeSink) -> None:
    """Behind a proxy the server names another origin; the rest of its pages are asked for here."""
    rancher.rules.public_url = "https://evil.example"
    rancher.rules.max_limit = 2
    names = [f"registry-{number}.example" for number in range(5)]
    for name in names:
        rancher.add_credential(rancher.add_registry(project, name), "ann", "old")
    assert make().read(names)[project] == dict.fromkeys(names, Opaque("ann"))
    assert written(make().write(project, changes(*names))) == ()


def test_a_read_asks_for_lists_alone(rancher: RancherDouble, project: str, make: MakeSink) -> None:
    """Two of them for each environment, of a thousand rows."""
    others = [rancher.add_project(f"number {number}") for number in range(3)]
    reader = make(rancher.account_key(project, *others), environments=[project, *others])
    reader.read([QUAY])
    assert {asked.method for asked in rancher.asked()} == {"GET"}
    assert len(rancher.asked(kind="registry")) == len(rancher.asked(kind="registryCredential")) == 4
    assert {asked.query["limit"] for asked in rancher.asked()} == {"1000"}


# --- which environments ------------------------------------------------------------


def test_the_keys_say_which_environment(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """Where neither the URL nor the settings do."""
    rancher.add_project("other")
    assert list(make(create=True).read([QUAY])) == [project]


@pytest.mark.parametrize("roles", ["environment", "agent,environment", "environmentAdmin"])
def test_the_keys_of_a_container_do(
    rancher: RancherDouble, project: str, clock: FakeClock, roles: str
) -> None:
    """With the URL that it is given, which names no environment."""
    env = rancher.container_environment(project, roles)
    pair = [
        next(value for name, value in env.items() if name.endswith(end))
        for end in ("ACCESS_KEY", "SECRET_KEY")
    ]
    made = sink({"url": env["CATTLE_URL"], "create": True}, (pair[0], pair[1]), clock)
    assert made.read([QUAY]) == {project: {QUAY: Absent()}}


def test_the_url_says_which_environment(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """The list of all is not asked for then."""
    key = rancher.account_key(rancher.add_project("other"), project)
    found = make(key, url=f"{rancher.url}/v1/projects/{project}/schemas", create=True).read([QUAY])
    assert found == {project: {QUAY: Absent()}}
    assert rancher.asked(kind="project") == []


def test_keys_that_see_no_environment_name_theirs(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """Every answer says which account the keys act as; the list need not show it."""
    headers = {"X-Api-Account-Id": project, "X-Api-Account-Kind": "project"}
    rancher.fail(Fault(Answer(200, {"type": "collection", "data": []}, headers)), kind="project")
    assert make(create=True).read([QUAY]) == {project: {QUAY: Absent()}}


def test_environments_are_named_by_id_or_name(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """A target is named by its id, which stays when somebody gives the environment a new name."""
    other, third = rancher.add_project("staging"), rancher.add_project("third")
    key = rancher.account_key(project, other, third)
    made = make(key, environments=["staging", project], create=True)
    assert list(made.read([QUAY])) == [other, project]


@pytest.mark.parametrize("kind", [KeyKind.ACCOUNT, KeyKind.ADMIN])
def test_all_are_those_that_the_keys_may_enter(
    rancher: RancherDouble, project: str, make: MakeSink, kind: KeyKind
) -> None:
    """An admin may enter every one; what is not active is none."""
    other = rancher.add_project("other")
    rancher.add_project("closed", state="inactive")
    foreign = rancher.add_project("of somebody else")
    admin = kind is KeyKind.ADMIN
    key = rancher.admin_key() if admin else rancher.account_key(project, other)
    found = make(key, environments="all", create=True).read([QUAY])
    assert list(found) == [project, other, *([foreign] if admin else [])]


def test_an_environment_that_is_not_there_hides_no_other(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """Wrong, closed and ambiguous names are told where they stand."""
    twins = [rancher.add_project("twin"), rancher.add_project("twin")]
    closed = rancher.add_project("closed", state="inactive")
    key = rancher.account_key(project, *twins, closed)
    made = make(key, environments=["production", "none", "twin", "closed"], create=True)
    held = made.read([QUAY])
    assert held[project] == {QUAY: Absent()}
    assert "there is no environment none" in refused(held["none"])
    assert f"name one of {twins[0]}, {twins[1]}" in refused(held["twin"])
    assert "closed is not active" in refused(held[closed])
    for target in ("none", "twin", closed, "1a999", "../1a5"):
        assert f"{target} is no target" in refused(made.write(target, changes()))


def test_the_keys_of_a_person_name_no_environment(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """Not even if there is only one: the settings have to say which."""
    for key in (rancher.account_key(project), rancher.admin_key()):
        with pytest.raises(PermanentError, match="those of a person") as caught:
            make(key).read([QUAY])
        assert "environments" in caught.value.hint
        assert "those of a person" in refused(make(key).write(project, changes()))


def test_without_access_control_the_settings_say_which(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """Everybody is an admin then."""
    rancher.rules.access_control = False
    with pytest.raises(PermanentError, match="those of a person"):
        make().read([QUAY])
    assert make(environments="production", create=True).read([QUAY]) == {project: {QUAY: Absent()}}


@pytest.mark.parametrize("environments", [None, "all", "production"])
def test_a_server_that_is_away_hides_no_target(
    rancher: RancherDouble, project: str, make: MakeSink, environments: str | None
) -> None:
    """What was known once is told as busy; before that, there is nothing to tell it of."""
    key = rancher.environment_key(project)
    made = make(key, environments=environments, create=True)
    with rancher.down():
        with pytest.raises(RetryableError, match="refuses connections"):
            made.read([QUAY])
        assert "refuses connections" in busy(made.write(project, changes()))
    assert made.read([QUAY]) == {project: {QUAY: Absent()}}
    with rancher.down():
        assert "refuses connections" in busy(made.read([QUAY])[project])
    assert made.read([QUAY]) == {project: {QUAY: Absent()}}


def test_ids_in_the_settings_are_known_without_asking(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """So a server that is away from the start is told for each of them."""
    made = make(environments=[project, "1a99"])
    with rancher.down():
        held = made.read([QUAY])
    assert {target: busy(outcome) != "" for target, outcome in held.items()} == {
        project: True,
        "1a99": True,
    }


def test_one_environment_hides_no_other(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """Each fault is told where it is, with the name of the environment."""
    others = [rancher.add_project(f"number {number}") for number in range(4)]
    key = rancher.account_key(project, *others[:3])
    rancher.fail(refusal(500), None, project=others[0])
    rancher.fail(refusal(409), None, project=others[1], kind="registryCredential")
    made = make(key, environments=["production", *others], create=True, concurrency=2)
    held = made.read([QUAY])
    assert list(held) == [project, *others]
    assert held[project] == {QUAY: Absent()}
    assert "environment number 0 (1a6)" in busy(held[others[0]])
    assert "environment number 1 (1a7)" in busy(held[others[1]])
    assert held[others[2]] == {QUAY: Absent()}
    assert "there is no environment 1a9" in refused(held[others[3]])


def test_those_that_hang_are_read_last(clock: FakeClock) -> None:
    """Else they would take all the time from the others, at each read anew."""
    with RancherDouble(clock=clock) as rancher:
        projects = [rancher.add_project(f"number {number}") for number in range(4)]
        key = rancher.account_key(*projects)
        options = {"url": rancher.url, "environments": "all", "create": True, "concurrency": 1}
        made = sink(options, key.pair, clock)
        rancher.fail(refusal(503), None, project=projects[0])
        made.read([QUAY])
        rancher.heal()
        rancher.forget()
        assert list(made.read([QUAY])) == projects
        order = [asked.project for asked in rancher.asked(kind="registry")]
        assert order == [*projects[1:], projects[0]]
        rancher.forget()
        made.read([QUAY])
        assert [asked.project for asked in rancher.asked(kind="registry")] == projects


def test_a_name_that_can_not_be_shown_is_left_out(rancher: RancherDouble, make: MakeSink) -> None:
    """It would break the line, or fill it; the id is enough."""
    for name in ("delete\x7f", "x" * 65, ""):
        other = rancher.add_project(name)
        notes = written(
            make(rancher.account_key(other), environments="all", create=True).write(
                other, changes()
            )
        )
        assert all(note.startswith(f"environment {other}: ") for note in notes)


def test_the_name_comes_with_the_first_answer(
    rancher: RancherDouble, project: str, make: MakeSink
) -> None:
    """Where the settings hold ids alone, nothing else is asked for it."""
    (first, _) = written(make(environments=[project], create=True).write(project, changes()))
    assert first.startswith(f"environment production ({project}): made the registry")
    assert rancher.asked(kind="project") == []


def test_something_else_is_no_empty_list(make: MakeSink, rancher: RancherDouble) -> None:
    """It would have everything made anew."""
    documents: list[object] = [
        {},
        [],
        {"type": "collection"},
        {"type": "collection", "data": [5]},
        {"type": "collection", "data": [{"name": "x"}]},
        {"data": []},
        "text",
    ]
    for document in documents:
        rancher.fail(_answer(document), 1, kind=REGISTRY.name)
        (content,) = make(create=True, environments=["1a5"]).read([QUAY]).values()
        assert "something else than the list of registries" in busy(content), document


@pytest.mark.parametrize(
    "pagination",
    [
        {"next": None, "partial": True},
        {"next": "http://[", "partial": True},
        {"next": "http://x/v2-beta/registries", "partial": True},
        {"next": "http://x/v2-beta/registries?marker=m0&limit=2"},
        {"next": 5},
    ],
    ids=str,
)
def test_pages_that_lead_nowhere_are_no_whole_list(
    rancher: RancherDouble, make: MakeSink, pagination: dict[str, object]
) -> None:
    """What is on the rest of them is not taken for absent."""
    page = {"type": "collection", "data": [], "pagination": pagination}
    rancher.fail(_answer(page), 3, kind=REGISTRY.name)
    (content,) = make(create=True, environments=["1a5"]).read([QUAY]).values()
    assert "something else than the list of registries" in busy(content)


@pytest.mark.parametrize("pagination", [None, "x", {}, {"next": None, "partial": False}], ids=str)
def test_a_list_without_more_pages_is_whole(
    rancher: RancherDouble, project: str, make: MakeSink, pagination: object
) -> None:
    """A server that says nothing of pages has one."""
    rancher.fail(_answer({"type": "collection", "data": [], "pagination": pagination}), None)
    found = make(create=True, environments=[project]).read([QUAY])
    assert found == {project: {QUAY: Absent()}}


def _answer(document: object) -> Fault:
    return Fault(Answer(200, document))
