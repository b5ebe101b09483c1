"""What messages call the settings: as people have written them."""

import re
from pathlib import Path
from typing import Final

import pytest

from refresher.errors import RefresherError
from refresher.model.plan import Foreign
from refresher.ports import Busy, Refused, Sink
from refresher.settings import for_cattle
from refresher.store.memory import MemoryRecords, MemoryStore
from refresher.testing import EventLog, FakeClock
from refresher.wiring import wire
from tests.doubles.certificates import Authority
from tests.doubles.rancher import Key, RancherDouble
from tests.doubles.rancher.faults import Fault, page, refusal
from tests.sinks.rancher.conftest import QUAY, MakeSink

SETTINGS: Final = re.compile(
    r"\b(url|environments|create|activate: true|access_key|secret_key|ca_file)\b"
)
"""Names that mean nothing to somebody who has written no settings file."""


def cattle(env: dict[str, str], clock: FakeClock, events: EventLog) -> Sink:
    """Return the sink of an environment that has no settings file."""
    given = {"AWS_REGION": "us-west-2", **env}
    made = wire(
        for_cattle(given),
        clock=clock,
        store=MemoryStore(),
        env=given,
        events=events,
        fingerprint=MemoryRecords().fingerprint,
    )
    return made.sinks["rancher"]


def told(sink: Sink) -> str:
    """Return what the sink says of quay.io."""
    try:
        (content,) = sink.read([QUAY]).values()
    except RefresherError as error:
        return f"{error}: {error.hint}"
    if isinstance(content, Busy | Refused):
        return content.reason
    held = content[QUAY]
    return held.reason if isinstance(held, Foreign) else ""


def variables(key: Key, url: str, prefix: str = "CATTLE") -> dict[str, str]:
    """Return the environment of somebody who uses a key."""
    access, secret = key.pair
    return {"CATTLE_URL": url, f"{prefix}_ACCESS_KEY": access, f"{prefix}_SECRET_KEY": secret}


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        pytest.param(refusal(401), "CATTLE_ACCESS_KEY and CATTLE_SECRET_KEY", id="401"),
        pytest.param(refusal(403), "CATTLE_URL", id="403"),
        pytest.param(refusal(404), "CATTLE_URL", id="404"),
        pytest.param(page(302), "CATTLE_URL", id="redirect"),
        pytest.param(page(200), "CATTLE_URL", id="page"),
        pytest.param(None, "AUTO_CREATE=true", id="no registry"),
    ],
)
def test_without_a_settings_file_variables_are_named(
    rancher: RancherDouble, project: str, clock: FakeClock, fault: Fault | None, name: str
) -> None:
    """And no setting that nobody has written."""
    if fault is not None:
        rancher.fail(fault, None)
    env = variables(rancher.environment_key(project), rancher.url)
    said = told(cattle(env, clock, EventLog()))
    assert name in said
    assert not SETTINGS.search(said)


def test_the_other_pair_of_keys_is_named(
    rancher: RancherDouble, project: str, clock: FakeClock
) -> None:
    """Where a container has several roles."""
    rancher.fail(refusal(401), None)
    env = variables(rancher.environment_key(project), rancher.url, "CATTLE_ENVIRONMENT")
    said = told(cattle(env, clock, EventLog()))
    assert "CATTLE_ENVIRONMENT_ACCESS_KEY and CATTLE_ENVIRONMENT_SECRET_KEY" in said


def test_the_url_that_counts_is_named(
    rancher: RancherDouble, project: str, clock: FakeClock
) -> None:
    """It may be the agent's."""
    rancher.fail(refusal(404), None)
    env = variables(rancher.environment_key(project), rancher.url)
    env["CATTLE_CONFIG_URL"] = env.pop("CATTLE_URL")
    assert "check CATTLE_CONFIG_URL" in told(cattle(env, clock, EventLog()))


def test_keys_of_a_person_want_an_environment_in_the_url(
    rancher: RancherDouble, project: str, clock: FakeClock
) -> None:
    """There is no variable that names one."""
    key = rancher.account_key(project)
    said = told(cattle(variables(key, rancher.url), clock, EventLog()))
    assert "or end CATTLE_URL with /v2-beta/projects/ and the id of the environment" in said
    assert not SETTINGS.search(said)


def test_what_no_variable_can_say_is_left_to_rancher(
    rancher: RancherDouble, project: str, clock: FakeClock
) -> None:
    """Something inactive is activated there."""
    row = rancher.add_registry(project, QUAY, state="inactive")
    said = told(cattle(variables(rancher.environment_key(project), rancher.url), clock, EventLog()))
    assert said == f"{QUAY}: the registry {row} is inactive: activate it in Rancher"


def test_plain_http_where_tls_is_asked_names_the_variable(
    rancher: RancherDouble, project: str, clock: FakeClock
) -> None:
    """The server at the port speaks no TLS."""
    url = rancher.url.replace("http:", "https:")
    said = told(cattle(variables(rancher.environment_key(project), url), clock, EventLog()))
    assert "write http:// in CATTLE_URL" in said


def test_a_server_without_tls_is_warned_of_by_the_variable(clock: FakeClock) -> None:
    """At the start."""
    events = EventLog()
    env = {"CATTLE_ACCESS_KEY": "a", "CATTLE_SECRET_KEY": "b"}
    cattle({**env, "CATTLE_URL": "http://rancher.example:8080/v1"}, clock, events)
    (notice,) = events.seen
    assert "write https:// in CATTLE_URL" in notice.detail


def test_a_private_authority_is_named_by_a_variable(tmp_path: Path, clock: FakeClock) -> None:
    """There is no `ca_file`."""
    with RancherDouble(Authority(tmp_path).server()) as rancher:
        key = rancher.environment_key(rancher.add_project("production"))
        said = told(cattle(variables(key, rancher.url), clock, EventLog()))
    assert "name the authority's file in one of" in said
    assert "SSL_CERT_FILE" in said
    assert not SETTINGS.search(said)


def test_an_environment_that_the_url_names_is_corrected_there(
    rancher: RancherDouble, make: MakeSink
) -> None:
    """In a settings file, too: `environments` says nothing then."""
    key = rancher.environment_key(rancher.add_project("other"))
    said = told(make(key, url=f"{rancher.url}/v2-beta/projects/1a5"))
    assert "or correct url" in said
