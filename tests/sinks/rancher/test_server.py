"""Every form in which people and containers are given the URL of a Rancher server."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.sinks.rancher.server import parse
from tests.model.vectors import vectors

HTTP = "http://rancher.example:8080/v2-beta"
FORMS = {
    "http://rancher.example:8080": (HTTP, ""),
    "http://rancher.example:8080/": (HTTP, ""),
    "http://rancher.example:8080/v1": (HTTP, ""),
    "http://rancher.example:8080/v1/": (HTTP, ""),
    "http://rancher.example:8080/v2-beta": (HTTP, ""),
    "http://rancher.example:8080/v2-beta/schemas": (HTTP, ""),
    "http://rancher.example:8080/v1/schema/": (HTTP, ""),
    "http://rancher.example:8080/v2-beta/projects": (HTTP, ""),
    "http://rancher.example:8080/v2-beta/projects/1a5": (HTTP, "1a5"),
    "http://rancher.example:8080/v1/projects/1a5/": (HTTP, "1a5"),
    "http://rancher.example:8080/v1/projects/1a5/schemas": (HTTP, "1a5"),
    "http://rancher.example:8080/v2-beta/projects/1a5/schemas/": (HTTP, "1a5"),
    "http://rancher.example:8080//v1//projects//1a1234": (HTTP, "1a1234"),
    "  HTTP://Rancher.Example:8080/V2-Beta/Projects/1A5  ": (HTTP, "1a5"),
    "http://rancher.example:8080/env/1a5": (HTTP, "1a5"),
    "http://rancher.example:8080/env/1a5/infra/registries": (HTTP, "1a5"),
    "http://rancher.example": ("http://rancher.example/v2-beta", ""),
    "http://rancher.example:80/v1": ("http://rancher.example/v2-beta", ""),
    "https://rancher.example/v1": ("https://rancher.example/v2-beta", ""),
    "https://rancher.example:443": ("https://rancher.example/v2-beta", ""),
    "https://rancher.example:8443/": ("https://rancher.example:8443/v2-beta", ""),
    "http://[fd00::1]:8080/v1": ("http://[fd00::1]:8080/v2-beta", ""),
    "http://192.0.2.1:8080/v1#top": ("http://192.0.2.1:8080/v2-beta", ""),
    # Without a scheme nothing is sent in clear text, but where Rancher itself listens.
    "rancher.example": ("https://rancher.example/v2-beta", ""),
    "rancher.example/v1/projects/1a7": ("https://rancher.example/v2-beta", "1a7"),
    "rancher.example:443": ("https://rancher.example/v2-beta", ""),
    "rancher.example:9000": ("https://rancher.example:9000/v2-beta", ""),
    "rancher.example:8080/v1": (HTTP, ""),
    "rancher.example:80": ("http://rancher.example/v2-beta", ""),
    "rancher": ("https://rancher/v2-beta", ""),
    "localhost:9000": ("http://localhost:9000/v2-beta", ""),
    "127.0.0.1:9000/v2-beta": ("http://127.0.0.1:9000/v2-beta", ""),
}


@pytest.mark.parametrize("text", FORMS, ids=str.strip)
def test_each_form_leads_to_one_api(text: str) -> None:
    """The API is always /v2-beta, and the environment is what the URL says."""
    server = parse(text)
    assert (str(server), server.environment) == FORMS[text]


def test_the_vector_of_the_old_client_holds() -> None:
    """What go-rancher makes of a URL with /v1."""
    row = next(row for row in vectors("rancher1.json") if row.get("name") == "v1 URL rewritten")
    server = parse(row["input"]["CATTLE_URL"])
    assert f"{server}/projects/{server.environment}" == row["expect"]["url"]


WRONG = {
    "": "is no URL",
    "   ": "is no URL",
    "ftp://rancher.example": "is no URL",
    "http://": "is no URL",
    "http://rancher.example:99999": "is no URL",
    "http://rancher example/v1": "is no URL",
    "http://rancher.example\\@evil.example": "holds a user name",
    "http://key:canary@rancher.example/v1": "holds a user name or a password",
    "key:canary@rancher.example": "holds a user name or a password",
    "http://rancher.example/v3": "of Rancher 2",
    "https://rancher.example/v3/project/c-1:p-2": "of Rancher 2",
    "https://rancher.example/k8s/clusters/local": "of Rancher 2",
    "https://rancher.example/dashboard/home": "of Rancher 2",
    "http://rancher.example/v2-beta/projects/Default": "has a path that is none",
    "http://rancher.example/v2-beta/registries": "has a path that is none",
    "http://rancher.example/v1/projects/1a5/registries/1sp3": "has a path that is none",
    "http://rancher.example/v2-beta?limit=1": "has a path that is none",
    "http://rancher.example/canary": "has a path that is none",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_such_url_is_refused(text: str) -> None:
    """The reason follows the name of the setting, and repeats nothing."""
    with pytest.raises(ValueError, match=WRONG[text]) as caught:
        parse(text)
    assert "canary" not in str(caught.value)


def test_rancher_2_is_led_elsewhere() -> None:
    """Its credentials are Kubernetes secrets."""
    with pytest.raises(ValueError, match=r"kubernetes sink.*kubernetes\.io/dockerconfigjson"):
        parse("https://rancher.example/v3")


@pytest.mark.parametrize(
    ("text", "clear"),
    [
        ("http://rancher.example:8080", True),
        ("http://10.0.0.1:8080", True),
        ("https://rancher.example", False),
        ("http://localhost:8080", False),
        ("http://127.0.0.2:8080", False),
        ("http://[::1]:8080", False),
        ("http://localhost.evil.example", True),
    ],
)
def test_clear_text_is_known(text: str, *, clear: bool) -> None:
    """Only what stays on this host is safe without TLS."""
    assert parse(text).in_clear_text is clear


@settings(deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"https?://[a-z.]{1,9}(:[0-9]{1,5})?/\S*"))
def test_any_text_is_a_server_or_refused(text: str) -> None:
    """And what is taken leads to the same server again."""
    try:
        server = parse(text)
    except ValueError:
        return
    assert parse(str(server)).origin == server.origin
    assert str(server).endswith("/v2-beta")
