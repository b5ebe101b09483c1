"""From the challenge to the verdict, against a server that answers as a test says."""

from collections.abc import Iterator
from typing import Any

import pytest

from refresher.clock import SystemClock
from refresher.errors import PermanentError
from refresher.model.credential import live_secrets
from refresher.ports import Judgement, Verdict
from refresher.registry.checking import _MANIFESTS
from refresher.registry.client import Client
from refresher.registry.presenting import Presenter
from refresher.registry.verifier import RegistryVerifier
from tests.doubles.certificates import Authority
from tests.doubles.scripted import MANIFEST, Asked, Reply, Scripted, asks, pair, reply
from tests.model.vectors import vectors
from tests.registry.conftest import PASSWORD, USER, Try, credential, policy

BASIC = pair(USER, PASSWORD)
API = "/v2/"
IMAGE_PATH = "/v2/team/app/manifests/1"
TAKEN = reply(200, {}, **{name.replace("-", "_"): value for name, value in MANIFEST.items()})


@pytest.fixture
def server(authority: Authority) -> Iterator[Scripted]:
    """Start a registry that knows nothing yet."""
    with Scripted(context=authority.server()) as running:
        yield running


def bearer(server: Scripted, **params: str) -> str:
    """Return a challenge whose token server is `server`."""
    named = {"realm": f"{server.url}/token", "service": "a service", **params}
    return "Bearer " + ",".join(f'{name}="{value}"' for name, value in named.items())


def tokens(asked: Asked) -> Reply:
    """Give a token that says what it is for, to whoever has the password."""
    if asked.authorization != BASIC:
        return reply(401, {"errors": []})
    return reply(200, {"token": f"token-for-{asked.query.get('scope', 'nothing')}"})


def with_tokens(server: Scripted) -> None:
    """Make the server a registry with token authentication, with one image."""
    scope = "repository:team/app:pull"
    server.scripts = {
        "/token": tokens,
        API: asks(bearer(server, scope="x"), "Bearer token-for-nothing"),
        IMAGE_PATH: asks(bearer(server, scope=scope), f"Bearer token-for-{scope}", granted=TAKEN),
    }


def with_basic(server: Scripted, *, denial: int = 401) -> None:
    """Make the server a registry with Basic authentication, with one image."""
    server.scripts = {
        API: asks('Basic realm="r"', BASIC, denial=denial),
        IMAGE_PATH: asks('Basic realm="r"', BASIC, denial=denial, granted=TAKEN),
    }


# --- Basic -------------------------------------------------------------------------


def test_a_login_by_basic_is_two_requests(server: Scripted, attempt: Try) -> None:
    """The first one has no credential: it asks how."""
    with_basic(server)
    assert attempt(server.host) == Judgement(Verdict.ACCEPTED)
    assert [(each.method, each.path) for each in server.seen] == [("GET", API)] * 2
    assert server.authorizations() == [None, BASIC]


@pytest.mark.parametrize("denial", [401, 403])
def test_a_wrong_password_is_refused(server: Scripted, attempt: Try, denial: int) -> None:
    """401 is what most say, 403 what ECR says to a token that has ended."""
    with_basic(server, denial=denial)
    made = attempt(server.host, password="another password")
    assert made.verdict is Verdict.REFUSED
    assert f"{server.host} answers {denial} to the credential" in made.reason
    assert "canary" not in made.reason


@pytest.mark.parametrize("status", [204, 302, 400, 404, 429, 500, 503])
def test_an_unclear_answer_to_the_credential_tells_nothing(
    server: Scripted, attempt: Try, status: int
) -> None:
    """Neither yes nor no: the next check may tell."""
    server.scripts[API] = asks("Basic", BASIC, granted=reply(status))
    made = attempt(server.host)
    assert made.verdict is Verdict.INCONCLUSIVE
    assert f"({status})" in made.reason


def test_a_pull_by_basic_is_a_head(server: Scripted, attempt: Try) -> None:
    """A manifest of any kind will do, and Docker Hub counts no HEAD as a pull."""
    with_basic(server)
    made = attempt(server.host, f"{server.host}/team/app:1")
    assert made == Judgement(Verdict.ACCEPTED)
    last = server.seen[-1]
    assert (last.method, last.path, last.authorization) == ("HEAD", IMAGE_PATH, BASIC)
    assert set(last.headers["accept"].split(", ")) == set(_MANIFESTS)
    assert "cookie" not in last.headers


@pytest.mark.parametrize(
    ("name", "path"),
    [
        pytest.param("team/app", "team/app/manifests/latest", id="no tag"),
        pytest.param(
            f"team/app:1@sha256:{'a' * 64}", f"team/app/manifests/sha256:{'a' * 64}", id="a digest"
        ),
    ],
)
def test_a_pull_asks_for_what_a_client_would(
    server: Scripted, attempt: Try, name: str, path: str
) -> None:
    """A digest wins, and no tag is `latest`."""
    with_basic(server)
    server.scripts[API + path] = TAKEN
    assert attempt(server.host, f"{server.host}/{name}").verdict is Verdict.ACCEPTED
    assert server.seen[-1].path == API + path


# --- Bearer ------------------------------------------------------------------------


def test_a_login_by_token_asks_for_no_scope(server: Scripted, attempt: Try) -> None:
    """As `docker login` does: the scope of the challenge names whatever the registry thinks of."""
    with_tokens(server)
    assert attempt(server.host) == Judgement(Verdict.ACCEPTED)
    seen = [(each.path, each.query, each.authorization) for each in server.seen]
    assert seen == [
        (API, {}, None),
        ("/token", {"service": "a service"}, BASIC),
        (API, {}, "Bearer token-for-nothing"),
    ]


def test_a_pull_by_token_asks_for_its_scope(server: Scripted, attempt: Try) -> None:
    """The login comes first, so that a missing permission is told from a bad credential."""
    with_tokens(server)
    made = attempt(server.host, f"{server.host}/team/app:1")
    assert made == Judgement(Verdict.ACCEPTED)
    assert server.seen[-2].query["scope"] == "repository:team/app:pull"
    assert server.seen[-1].authorization == "Bearer token-for-repository:team/app:pull"


def test_a_realm_may_have_a_query_and_no_service(server: Scripted, attempt: Try) -> None:
    """What is asked for is added to what stands there."""
    with_tokens(server)
    challenge = f'Bearer realm="{server.url}/token?tenant=1#x"'
    server.scripts[API] = asks(challenge, "Bearer token-for-nothing")
    assert attempt(server.host).verdict is Verdict.ACCEPTED
    assert server.seen[1].query == {"tenant": "1"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(reply(401, b"canary"), "answers 401 to the credential", id="401"),
        pytest.param(reply(403, b"canary"), "answers 403 to the credential", id="403, as GHCR"),
        pytest.param(reply(200, {"token": ""}), "answers with no token", id="empty, as Quay"),
    ],
)
def test_a_token_server_refuses(server: Scripted, attempt: Try, answer: Reply, reason: str) -> None:
    """It is told which server said no."""
    with_tokens(server)
    server.scripts["/token"] = answer
    made = attempt(server.host, f"{server.host}/team/app:1")
    assert made == Judgement(Verdict.REFUSED, f"the token server {server.host} {reason}")


@pytest.mark.parametrize("denial", [401, 403])
def test_a_token_that_the_registry_turns_away_is_a_refusal(
    server: Scripted, attempt: Try, denial: int
) -> None:
    """`docker login` would fail, too."""
    with_tokens(server)
    server.scripts[API] = asks(bearer(server), denial=denial)
    assert attempt(server.host).verdict is Verdict.REFUSED


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, {}),
        reply(200, b"<html>"),
        reply(200, {"token": "a\r\nb"}),
        reply(400, b"canary"),
        reply(404),
        reply(429),
        reply(500),
        reply(503),
    ],
    ids=["no token", "page", "no header", "400", "404", "429", "500", "503"],
)
def test_a_token_server_that_is_unwell_tells_nothing(
    server: Scripted, attempt: Try, answer: Reply
) -> None:
    """Time or somebody heals it; the credential may be fine."""
    with_tokens(server)
    server.scripts["/token"] = answer
    made = attempt(server.host)
    assert made.verdict is Verdict.INCONCLUSIVE
    assert f"the token server {server.host}" in made.reason
    assert "canary" not in made.reason


# --- what a pull says --------------------------------------------------------------


@pytest.mark.parametrize("by", [with_basic, with_tokens], ids=["basic", "token"])
@pytest.mark.parametrize(
    ("answer", "verdict", "reason"),
    [
        (reply(401), Verdict.FORBIDDEN, "answers 401 to a pull of"),
        (reply(403), Verdict.FORBIDDEN, "answers 403 to a pull of"),
        (reply(404), Verdict.INCONCLUSIVE, "/team/app:1; correct verify.images"),
        (reply(429), Verdict.INCONCLUSIVE, "asks to slow down (429)"),
        (reply(500), Verdict.INCONCLUSIVE, "fails (500)"),
        (reply(405), Verdict.INCONCLUSIVE, "gives no clear answer (405)"),
        (reply(204), Verdict.INCONCLUSIVE, "gives no clear answer (204)"),
        (reply(200, Content_Type="text/html"), Verdict.INCONCLUSIVE, "no manifest"),
        (reply(200), Verdict.INCONCLUSIVE, "no manifest"),
        (reply(200, Docker_Content_Digest="sha256:x"), Verdict.ACCEPTED, ""),
    ],
    ids=["401", "403", "404", "429", "500", "405", "204", "page", "no type", "digest alone"],
)
def test_a_pull_is_judged_by_its_status(
    server: Scripted, attempt: Try, *, by: Any, answer: Reply, verdict: Verdict, reason: str
) -> None:
    """The login was taken, so what is denied now is a permission."""
    by(server)
    server.scripts[IMAGE_PATH] = answer
    made = attempt(server.host, f"{server.host}/team/app:1")
    assert made.verdict is verdict
    assert reason in made.reason


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        pytest.param(reply(401), Verdict.FORBIDDEN, id="401"),
        pytest.param(reply(403), Verdict.FORBIDDEN, id="403, as GitLab"),
        pytest.param(reply(200, {"token": ""}), Verdict.FORBIDDEN, id="empty"),
        pytest.param(reply(503), Verdict.INCONCLUSIVE, id="503"),
    ],
)
def test_a_token_that_is_denied_for_a_scope_alone_is_a_missing_permission(
    server: Scripted, attempt: Try, answer: Reply, verdict: Verdict
) -> None:
    """The same server gave one for the login."""
    with_tokens(server)
    server.scripts["/token"] = lambda asked: answer if "scope" in asked.query else tokens(asked)
    made = attempt(server.host, f"{server.host}/team/app:1")
    assert made.verdict is verdict
    if verdict is Verdict.FORBIDDEN:
        assert made.reason.endswith(" for team/app")


def test_every_image_is_tried_and_the_worst_counts(server: Scripted, attempt: Try) -> None:
    """A denial comes before what could not be told, and that before what is fine."""
    with_basic(server)
    names = {"team/app": TAKEN, "team/gone": reply(404), "team/denied": reply(403)}
    for name, answer in names.items():
        server.scripts[f"/v2/{name}/manifests/1"] = answer
    images = {name: f"{server.host}/{name}:1" for name in names}
    app, gone, denied = images.values()
    assert attempt(server.host, app, app).verdict is Verdict.ACCEPTED
    assert attempt(server.host, app, gone, app).verdict is Verdict.INCONCLUSIVE
    assert "team/gone" in attempt(server.host, gone, app).reason
    assert attempt(server.host, gone, denied, app).verdict is Verdict.FORBIDDEN


def test_a_registry_without_an_image_is_not_told(server: Scripted, attempt: Try) -> None:
    """Registries that only a fetch makes known may have none: the login is tried, at least."""
    with_basic(server)
    made = attempt(server.host, "registry.example/team/app")
    assert made.verdict is Verdict.INCONCLUSIVE
    assert made.reason == f"verify.images names no image at {server.host}"
    refused = attempt(server.host, "registry.example/team/app", password="another one")
    assert refused.verdict is Verdict.REFUSED


def test_an_address_with_a_path_is_asked_at_its_host(server: Scripted, attempt: Try) -> None:
    """The path chooses the image, as for podman's keys; `/v2/` is the host's."""
    with_basic(server)
    made = attempt(f"{server.host}/team", f"{server.host}/team/app:1", f"{server.host}/other/app")
    assert made.verdict is Verdict.ACCEPTED
    assert server.seen[-1].path == IMAGE_PATH


# --- registries that ask nobody ----------------------------------------------------


def test_a_login_proves_nothing_at_an_open_registry(server: Scripted, attempt: Try) -> None:
    """It is shown the credential, takes it as it takes anything, and that is said."""
    server.scripts[API] = reply(200, {})
    made = attempt(server.host)
    assert made.verdict is Verdict.INCONCLUSIVE
    assert "asks nobody for a login" in made.reason
    assert server.authorizations() == [None, BASIC]


def choosy(server: Scripted, challenge: str, *accepted: str) -> None:
    """Make the registry open to nobody's request, and critical of everybody else's."""
    asking = asks(challenge, *accepted)
    assert callable(asking)
    server.scripts[API] = lambda asked: asking(asked) if asked.authorization else reply(200)


def test_an_open_registry_that_looks_at_a_credential_refuses_it(
    server: Scripted, attempt: Try
) -> None:
    """Some let everybody in, but no wrong password."""
    choosy(server, "Basic realm=x", BASIC)
    assert attempt(server.host).verdict is Verdict.INCONCLUSIVE
    assert attempt(server.host, password="another password").verdict is Verdict.REFUSED


def test_an_open_registry_may_want_a_token(server: Scripted, attempt: Try) -> None:
    """It turns Basic away and says so: the token server decides."""
    with_tokens(server)
    choosy(server, bearer(server), "Bearer token-for-nothing")
    assert attempt(server.host).verdict is Verdict.ACCEPTED
    assert attempt(server.host, f"{server.host}/team/app:1").verdict is Verdict.ACCEPTED
    assert attempt(server.host, password="another password").verdict is Verdict.REFUSED


def test_an_open_registry_with_a_mute_denial_tells_nothing(server: Scripted, attempt: Try) -> None:
    """A 401 that does not say what is wanted instead may mean the scheme."""
    server.scripts[API] = lambda asked: reply(401 if asked.authorization else 200)
    assert attempt(server.host).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("by", ["basic", "token"])
def test_the_pull_of_a_private_image_tells_at_an_open_registry(
    server: Scripted, attempt: Try, by: str
) -> None:
    """The image asks for what `/v2/` did not ask for."""
    (with_basic if by == "basic" else with_tokens)(server)
    server.scripts[API] = reply(200, {})
    image = f"{server.host}/team/app:1"
    assert attempt(server.host, image) == Judgement(Verdict.ACCEPTED)
    assert attempt(server.host, image, password="another password").verdict is Verdict.REFUSED
    server.scripts[IMAGE_PATH] = asks(bearer(server) if by == "token" else "Basic", denial=403)
    assert attempt(server.host, image).verdict is Verdict.FORBIDDEN


@pytest.mark.parametrize(
    "row",
    [row for row in vectors("www_authenticate.json") if row["input"].get("op") == "ping"],
    ids=lambda row: str(row["input"]["status"]),
)
def test_the_first_answer_decides_whether_there_is_a_login(
    server: Scripted, attempt: Try, row: dict[str, Any]
) -> None:
    """200 asks for none; any status but 401 is none to go on from, and nothing is sent."""
    header = row["input"]["header"]
    named = {"WWW_Authenticate": header} if header else {}
    server.scripts[API] = reply(row["input"]["status"], **named)
    made = attempt(server.host)
    assert made.verdict is Verdict.INCONCLUSIVE
    assert ("asks nobody" in made.reason) is bool(row["expect"].get("ok"))
    if row["expect"].get("error"):
        assert server.authorizations() == [None]


@pytest.mark.parametrize("status", [204, 302, 400, 403, 404, 407, 418, 429, 500, 502, 503])
def test_an_unclear_first_answer_gets_no_credential(
    server: Scripted, attempt: Try, status: int
) -> None:
    """Firewalls and portals say 403 to anybody: that refuses nobody."""
    server.scripts[API] = reply(status)
    made = attempt(server.host)
    assert made.verdict is Verdict.INCONCLUSIVE
    assert str(status) in made.reason
    assert server.authorizations() == [None]


@pytest.mark.parametrize(
    "challenge", ["", "Digest realm=x", 'Bearer realm="http', "Bearer service=x", '\xff\x01,,"']
)
def test_a_malformed_challenge_gets_no_credential(
    server: Scripted, attempt: Try, challenge: str
) -> None:
    """What can't be understood is not guessed."""
    server.scripts[API] = reply(401, WWW_Authenticate=challenge)
    made = attempt(server.host)
    assert made.verdict is Verdict.INCONCLUSIVE
    assert "in no way that is known" in made.reason
    assert server.authorizations() == [None]


def test_several_headers_are_read_one_by_one(server: Scripted, attempt: Try) -> None:
    """A quote that one header leaves open does not swallow the next."""
    challenges = (("WWW-Authenticate", 'Negotiate x="'), ("WWW-Authenticate", "Basic realm=x"))
    server.scripts[API] = lambda asked: (
        reply(200) if asked.authorization == BASIC else Reply(401, challenges)
    )
    assert attempt(server.host).verdict is Verdict.ACCEPTED


def test_a_host_that_makes_no_url_is_not_asked() -> None:
    """An address is looked at before this; whatever else comes is refused, not guessed."""
    asked = policy()
    with (
        Client(asked, {}, SystemClock(), 10) as client,
        pytest.raises(PermanentError, match="makes no URL"),
    ):
        Presenter(client, "no host", asked, credential()).knock()


def test_names_of_identity_tokens_are_sent_as_they_are(server: Scripted) -> None:
    """Azure's registries take the null GUID, and docker's own spelling of one, by Basic."""
    for username in ("<token>", "00000000-0000-0000-0000-000000000000"):
        server.scripts[API] = asks("Basic", pair(username, "refresh"))
        verifier = RegistryVerifier(policy(insecure=(server.host,)), SystemClock(), {})
        made = verifier.verify(server.host, credential("refresh", username), 10)
        assert made.verdict is Verdict.ACCEPTED


def test_a_token_is_a_secret(server: Scripted, attempt: Try) -> None:
    """The redactor knows it for as long as it is in use."""
    with_tokens(server)
    known: set[str] = set()
    usual = server.scripts[API]
    assert callable(usual)

    def spy(asked: Asked) -> Reply:
        known.update(secret.reveal() for secret in live_secrets())
        return usual(asked)

    server.scripts[API] = spy
    assert attempt(server.host).verdict is Verdict.ACCEPTED
    assert "Bearer token-for-nothing" in known
