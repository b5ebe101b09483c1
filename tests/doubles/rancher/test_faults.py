"""The server: faults, restarts, what is kept of requests, TLS."""

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.doubles.certificates import Authority
from tests.doubles.rancher import Fault, RancherDouble, faults
from tests.doubles.rancher.conftest import Client, Connect, code

PATH = "/registrycredentials/1c1"


@pytest.fixture(autouse=True)
def credential(rancher: RancherDouble, project: str) -> str:
    """Add a registry with a credential."""
    return rancher.add_credential(rancher.add_registry(project, "quay.io"), "ann", "old")


def secret(rancher: RancherDouble) -> object:
    """Return the password that is kept."""
    return rancher.credential("1c1").fields["secretValue"]


@pytest.mark.parametrize("status", [401, 403, 404, 405, 409, 422, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("times", [1, 3])
def test_an_error_comes_as_often_as_was_asked(
    rancher: RancherDouble, client: Client, status: int, times: int
) -> None:
    """It has the form of every error, changes nothing, and then all is well."""
    rancher.fail(faults.refusal(status), times)
    for _ in range(times):
        answer = client.put(PATH, {"secretValue": "new"})
        assert (answer.status_code, answer.json()["type"]) == (status, "error")
        assert secret(rancher) == "old"
    assert client.put(PATH, {"secretValue": "new"}).status_code == 200
    assert [asked.status for asked in rancher.asked()] == [status] * times + [200]


@pytest.mark.parametrize(
    ("wanted", "hit"),
    [
        ({}, True),
        ({"method": "PUT"}, True),
        ({"method": "GET"}, False),
        ({"kind": "registryCredential"}, True),
        ({"kind": "registry"}, False),
        ({"project": "1a5", "id": "1c1"}, True),
        ({"project": "1a6"}, False),
        ({"action": "activate"}, False),
    ],
)
def test_a_fault_is_for_what_it_names(
    rancher: RancherDouble, client: Client, wanted: dict[str, str], *, hit: bool
) -> None:
    """Method, type, row, action and project can be told; the rest goes on."""
    rancher.fail(faults.conflict(), None, **wanted)
    expected = 409 if hit else 200
    for _ in range(3):
        assert client.put(PATH, {"secretValue": "new"}).status_code == expected
    rancher.heal()
    assert client.put(PATH, {"secretValue": "new"}).status_code == 200


def test_an_action_can_fail(rancher: RancherDouble, client: Client) -> None:
    """By its name."""
    rancher.fail(faults.conflict(), action="deactivate")
    assert code(client.act(PATH, "deactivate")) == (409, "Conflict")
    assert client.act(PATH, "deactivate").status_code == 202


def test_a_fault_for_an_account_key_knows_the_project_in_the_url(
    rancher: RancherDouble, project: str, connect: Connect
) -> None:
    """A key of a person belongs to no project, its request does."""
    rancher.fail(faults.refusal(500), project=project)
    client = connect(rancher.account_key(project).pair)
    assert client.get("/registries").status_code == 200
    assert client.get(f"/projects/{project}/registries").status_code == 500


@pytest.mark.parametrize(
    ("fault", "status", "expected"),
    [
        (faults.invalid("InvalidReference", "registryId"), 422, "InvalidReference"),
        (faults.throttled("7"), 429, "Too Many Requests"),
    ],
)
def test_errors_with_details(
    rancher: RancherDouble, client: Client, fault: Fault, status: int, expected: str
) -> None:
    """A field or a header comes along."""
    rancher.fail(fault)
    answer = client.get(PATH)
    assert code(answer) == (status, expected)
    assert answer.json().get("fieldName") == ("registryId" if status == 422 else None)
    assert answer.headers.get("Retry-After") == ("7" if status == 429 else None)


@pytest.mark.parametrize("wanted", [{"kind": "registries"}, {"verb": "PUT"}])
def test_what_never_is_asked_is_told(rancher: RancherDouble, wanted: dict[str, str]) -> None:
    """A slip in the name of a type or of a part ends the test, not its sense."""
    with pytest.raises(AssertionError):
        rancher.fail(faults.conflict(), 1, **wanted)
    with pytest.raises(AssertionError):
        rancher.asked(**wanted)


@contextlib.contextmanager
def _told(rancher: RancherDouble) -> Iterator[None]:
    """Tell the server what the block raises, as socketserver does."""
    try:
        yield
    except Exception:
        rancher._server.handle_error(None, ("127.0.0.1", 1))
        raise


@pytest.mark.parametrize(("error", "told"), [(OSError(), False), (TypeError(), True)])
def test_a_fault_of_the_double_is_told(
    rancher: RancherDouble, capsys: pytest.CaptureFixture[str], error: Exception, *, told: bool
) -> None:
    """Connections break in silence, bugs do not."""
    with contextlib.suppress(Exception), _told(rancher):
        raise error
    assert ("TypeError" in capsys.readouterr().err) is told


def test_a_page_can_come_from_a_proxy(rancher: RancherDouble, client: Client) -> None:
    """HTML, with an error or without."""
    rancher.fail(faults.page(503, "<html>busy</html>"))
    answer = client.get(PATH)
    assert (answer.status_code, answer.text) == (503, "<html>busy</html>")
    assert answer.headers["Content-Type"] == "text/html"


@pytest.mark.parametrize("fault", [faults.garbage(), faults.cut()], ids=["garbage", "cut"])
def test_json_can_be_broken(rancher: RancherDouble, client: Client, fault: Fault) -> None:
    """With a good status and a whole body."""
    rancher.fail(fault)
    answer = client.get(PATH)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


def test_an_answer_can_be_slow(rancher: RancherDouble, client: Client) -> None:
    """It is good all the same."""
    rancher.fail(faults.slow(0.1))
    begun = time.monotonic()
    assert client.put(PATH, {"secretValue": "new"}).status_code == 200
    assert time.monotonic() - begun >= 0.1
    assert rancher.asked()[-1].seconds >= 0.1


def test_others_are_served_meanwhile(
    rancher: RancherDouble, client: Client, project: str, connect: Connect
) -> None:
    """A slow or silent answer blocks nobody."""
    rancher.fail(faults.hang(), id="1c1")
    with pytest.raises(requests.ReadTimeout):
        client.session.get(client.base + PATH, timeout=0.1)
    assert connect(rancher.environment_key(project).pair).get("/registries").status_code == 200


@pytest.mark.parametrize("applied", [False, True])
def test_a_connection_can_break(rancher: RancherDouble, client: Client, *, applied: bool) -> None:
    """Before the request had an effect, or after."""
    rancher.fail(faults.reset(applied=applied))
    with pytest.raises(requests.ConnectionError) as error:
        client.put(PATH, {"secretValue": "new"})
    assert "reset" in str(error.value)
    assert secret(rancher) == ("new" if applied else "old")
    assert client.get(PATH).status_code == 200


@pytest.mark.parametrize("applied", [False, True])
def test_silence_may_hide_an_effect(
    rancher: RancherDouble, client: Client, *, applied: bool
) -> None:
    """As when the answer is lost on its way."""
    rancher.fail(faults.hang(applied=applied))
    with pytest.raises(requests.ReadTimeout):
        client.session.put(client.base + PATH, json={"secretValue": "new"}, timeout=0.2)
    # The server may be slower than the client is patient.
    begun = time.monotonic()
    while applied and secret(rancher) == "old" and time.monotonic() - begun < 5:
        time.sleep(0.01)
    assert secret(rancher) == ("new" if applied else "old")


def test_an_error_may_hide_an_effect(rancher: RancherDouble, client: Client) -> None:
    """A gateway that gives up does not stop the server behind it."""
    rancher.fail(faults.refusal(504, applied=True))
    assert client.put(PATH, {"secretValue": "new"}).status_code == 504
    assert secret(rancher) == "new"


def test_a_write_can_be_lost(rancher: RancherDouble, client: Client) -> None:
    """The answer is good and shows the change, and nothing was kept."""
    rancher.fail(faults.lost_write(), method="PUT")
    assert (
        client.put(PATH, {"publicValue": "bob", "secretValue": "new"}).json()["publicValue"]
        == "bob"
    )
    assert client.get(PATH).json()["publicValue"] == "ann"
    assert secret(rancher) == "old"
    rancher.fail(faults.lost_write(), method="POST")
    client.post("/registries", {"serverAddress": "gcr.io"})
    assert len(client.get("/registries").json()["data"]) == 1


def test_a_restart_keeps_the_state(rancher: RancherDouble, client: Client) -> None:
    """Meanwhile connections are refused; the address, the keys and the rows stay."""
    client.put(PATH, {"secretValue": "new"})
    before = rancher.url
    for _ in range(3):
        with rancher.down(), pytest.raises(requests.ConnectionError):
            client.get(PATH)
    assert rancher.url == before
    assert client.get(PATH).status_code == 200
    assert secret(rancher) == "new"


def test_a_stop_lets_hanging_clients_go(rancher: RancherDouble, client: Client) -> None:
    """Nobody waits for a server that is gone, and it may be stopped twice."""
    rancher.fail(faults.hang())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.get, PATH)
        while not rancher.asked():
            time.sleep(0.001)
        rancher.stop()
        rancher.stop()
        assert isinstance(waiting.exception(5.0), requests.ConnectionError)


def test_requests_are_kept(rancher: RancherDouble, project: str, connect: Connect) -> None:
    """With who asked, for which project, and the whole body."""
    key = rancher.environment_key(project)
    client = connect(key.pair)
    client.get("/registries?limit=7")
    client.put(PATH, {"secretValue": "canary"})
    client.act(PATH, "deactivate")
    read, put, _, action = rancher.asked()
    assert (read.method, read.path, read.query) == ("GET", "/v2-beta/registries", {"limit": "7"})
    assert (read.kind, read.project, read.who, read.body) == ("registry", project, key.access, None)
    assert (put.id, put.body, put.status) == ("1c1", {"secretValue": "canary"}, 200)
    assert (action.action, action.status) == ("deactivate", 202)
    assert action.headers["accept"] == "*/*"
    assert rancher.asked(method="PUT", kind="registryCredential") == [put]


def test_writes_are_counted(rancher: RancherDouble, project: str, connect: Connect) -> None:
    """By project and in all, the refused ones too; they can be forgotten."""
    other = rancher.add_project("other")
    for one, times in ((project, 2), (other, 1)):
        client = connect(rancher.environment_key(one).pair)
        client.get("/registries")
        for _ in range(times):
            client.put(PATH, {"secretValue": "new"})
    assert (rancher.writes(project), rancher.writes(other), rancher.writes()) == (2, 1, 3)
    rancher.forget()
    assert (rancher.writes(), rancher.asked()) == (0, [])


def test_it_speaks_tls(tmp_path: Path) -> None:
    """With a certificate of a private authority, over restarts as well."""
    authority = Authority(tmp_path)
    with RancherDouble(authority.server()) as rancher, requests.Session() as session:
        session.trust_env = False
        session.verify = str(authority.file)
        for _ in range(2):
            assert session.get(f"{rancher.url}/ping", timeout=10).text == "pong"
            with rancher.down():
                pass
        session.verify = True
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"{rancher.url}/ping", timeout=10)
