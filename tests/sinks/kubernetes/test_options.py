"""What the settings may say."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from refresher.plugins import Kind, find
from refresher.ports import Tools
from refresher.sinks.kubernetes import Options, build
from refresher.sinks.kubernetes.choice import Accounts, Namespaces
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock


def options(**given: Any) -> Options:
    """Return options."""
    return Options.model_validate(given)


def test_nothing_is_needed() -> None:
    """The own namespace, one Secret, no service account, nothing adopted."""
    made = options()
    assert made.chosen("tools") == Namespaces(("tools",))
    assert (str(made.secret), made.accounts, made.adopt) == ("refresher", Accounts(), False)
    assert made.concurrency == 8


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ("shop", Namespaces(("shop",))),
        (["shop", "team-*"], Namespaces(("shop", "team-*"))),
        ({"names": ["a"], "exclude": ["b"]}, Namespaces(("a",), exclude=("b",))),
        ({"regex": ["a+"]}, Namespaces(regex=("a+",))),
        ({"labels": " env in (a,b),!x, y!=z "}, Namespaces(labels="env in (a,b),!x, y!=z")),
        (
            {"labels": "kubernetes.io/metadata.name"},
            Namespaces(labels="kubernetes.io/metadata.name"),
        ),
        ({"labels": "env="}, Namespaces(labels="env=")),
        ({"exclude": ["kube-*"]}, Namespaces(exclude=("kube-*",))),
    ],
    ids=str,
)
def test_namespaces_are_named_in_several_ways(given: object, chosen: Namespaces) -> None:
    """Names alone need no more than themselves."""
    assert options(namespaces=given).chosen("own") == chosen


@pytest.mark.parametrize(
    ("given", "accounts"),
    [
        ("none", Accounts()),
        ("default", Accounts(("default",))),
        ("all", Accounts(everyone=True)),
        ({"names": ["a", "b", "a"]}, Accounts(("a", "b"))),
        ({"labels": "pull=yes"}, Accounts(labels="pull=yes")),
    ],
    ids=str,
)
def test_accounts_are_named_in_several_ways(given: object, accounts: Accounts) -> None:
    """By a word, by name or by labels."""
    assert options(service_accounts=given).accounts == accounts


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"namespace": "a"}, "namespace", "Extra inputs"),
        ({"namespaces": {}}, "namespaces", "says nothing"),
        ({"namespaces": []}, "namespaces", "says nothing"),
        ({"namespaces": "Shop"}, "namespaces.names.0", "is no name of a namespace"),
        ({"namespaces": "a.b"}, "namespaces.names.0", "is no name of a namespace"),
        ({"namespaces": "a" * 64}, "namespaces.names.0", "is no name of a namespace"),
        ({"namespaces": ["A*"]}, "namespaces.names.0", "is no pattern of a namespace"),
        ({"namespaces": {"names": ["a"], "exclude": ["*"]}}, "namespaces", "takes away every one"),
        ({"namespaces": {"regex": ["("]}}, "namespaces.regex.0", "is no regular expression"),
        ({"namespaces": {"labels": "a b"}}, "namespaces.labels", "is no label selector"),
        ({"namespaces": {"labels": ""}}, "namespaces.labels", "is no label selector"),
        ({"namespaces": {"label": "a=b"}}, "namespaces.label", "Extra inputs"),
        ({"secret": "Pull_Secret"}, "secret", "is no name of a Secret"),
        ({"secret": 5}, "secret", "must be text"),
        ({"service_accounts": "some"}, "service_accounts", "'none', 'default' or 'all'"),
        ({"service_accounts": {}}, "service_accounts", "exactly one of names and labels"),
        (
            {"service_accounts": {"names": ["a"], "labels": "b"}},
            "service_accounts",
            "exactly one of names and labels",
        ),
        (
            {"service_accounts": {"names": ["A"]}},
            "service_accounts",
            "no name of a service account",
        ),
        ({"concurrency": 0}, "concurrency", "greater than or equal to 1"),
        ({"concurrency": 65}, "concurrency", "less than or equal to 64"),
        ({"context": ""}, "context", "at least 1 character"),
        ({"adopt": "maybe"}, "adopt", "valid boolean"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_is_wrong_is_said_of_its_field(
    given: dict[str, Any], field: str, message: str
) -> None:
    """Unknown, contradictory or malformed."""
    with pytest.raises(ValidationError) as caught:
        options(**given)
    found = caught.value.errors()
    places = [".".join(map(str, each["loc"])) for each in found]
    assert any(place.startswith(field) for place in places), places
    assert message in str(caught.value)


def test_options_are_used_again_as_they_are() -> None:
    """A program may build them of what others were built of."""
    made = options(namespaces=["a"], service_accounts="all", secret="p-{registry}")
    assert Options.model_validate(dict(made)) == made


def test_the_settings_have_a_schema() -> None:
    """For editors; what is sent as text is text there."""
    schema = Options.model_json_schema()
    assert schema["properties"]["secret"]["type"] == "string"
    assert "required" not in schema


def occupied(env: dict[str, str] | None = None, **given: Any) -> str:
    """Return what a sink with these options says that it writes to."""
    tools = Tools(FakeClock(), MemoryStore(), env or {})
    return build(options(**given), tools).occupies()


def test_sinks_over_one_place_are_known() -> None:
    """The same cluster, namespaces and Secret are the same place, in whatever order."""
    one = occupied(kubeconfig="/c", namespaces=["a", "b"])
    assert one == occupied(kubeconfig="/c", namespaces={"names": ["b", "a"]}, adopt=True)
    places = [
        one,
        occupied(kubeconfig="/d", namespaces=["a", "b"]),
        occupied(kubeconfig="/c", context="x", namespaces=["a", "b"]),
        occupied(kubeconfig="/c", namespaces=["a", "b"], secret="other"),
        occupied(kubeconfig="/c", namespaces=["a"]),
        occupied(kubeconfig="/c"),
    ]
    assert len(set(places)) == len(places)


def test_it_is_shown_by_its_place() -> None:
    """And by nothing that is secret."""
    tools = Tools(FakeClock(), MemoryStore())
    made = build(options(kubeconfig="/c", context="x", namespaces="a*", secret="p"), tools)
    assert repr(made) == "KubernetesSink('/c (x)', 'a*', 'p')"
    assert made.limits.at_once == 8


def test_a_start_loads_no_client() -> None:
    """Who only looks at the settings or the records does not wait for it."""
    code = (
        "import sys; from refresher.plugins import find, Kind;"
        "from refresher.ports import Tools; from refresher.testing import FakeClock;"
        "from refresher.store.memory import MemoryStore;"
        "plugin = find(Kind.SINK, 'kubernetes');"
        "sink = plugin.build(plugin.options(), Tools(FakeClock(), MemoryStore()));"
        "sink.occupies(); sink.limits;"
        "loaded = {'lightkube', 'httpx2', 'requests', 'urllib3', 'yaml'} & set(sys.modules);"
        "sys.exit(str(loaded) if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_type_is_built_in() -> None:
    """By its name in the settings."""
    assert find(Kind.SINK, "kubernetes").options is Options
