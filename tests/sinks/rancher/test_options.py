"""What the settings may say."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from refresher.errors import PermanentError
from refresher.ports import Tools
from refresher.sinks.rancher import Options, build
from refresher.sinks.rancher.options import Several
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock

URL = "https://rancher.example"
KEYS = {"access_key_file": "/run/access", "secret_key_file": "/run/secret"}


def options(**given: Any) -> Options:
    """Return options for one server, with keys."""
    return Options.model_validate({"url": URL, **KEYS, **given})


def test_little_is_needed() -> None:
    """A URL and two keys; nothing is made or activated unless that is asked for."""
    made = options()
    assert (made.create, made.activate, made.several) == (False, False, Several.OLDEST)
    assert (made.environments, made.concurrency) == (None, 8)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("all", "all"),
        (["all"], "all"),
        (["1a5", "all"], "all"),
        ("production", ("production",)),
        (["1a5", " production ", "1a5"], ("1a5", "production")),
    ],
)
def test_environments_are_ids_or_names_or_all(given: object, kept: object) -> None:
    """One needs no list, and repetition means nothing."""
    assert options(environments=given).environments == kept


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"access_key_file": None}, "exactly one of access_key_file, access_key_env, access_key"),
        ({"access_key": "ABC"}, "here: access_key_file and access_key"),
        ({"secret_key_file": None}, "exactly one of secret_key_file, secret_key_env is needed"),
        ({"secret_key_env": "X"}, "here: secret_key_file and secret_key_env"),
        ({"secret_key": "canary"}, "Extra inputs"),
        ({"access_key_file": None, "access_key": ""}, "is no access key"),
        ({"access_key_file": None, "access_key": "a:canary"}, "is no access key"),
        ({"access_key_file": None, "access_key": "a\ncanary"}, "control character at position 1"),
        ({"url": 5}, "must be text"),
        ({"url": "http://a:canary@b"}, "holds a user name or a password"),
        ({"url": f"{URL}/v3"}, "Rancher 2"),
        ({"environments": []}, "at least one environment"),
        ({"environments": ["a", " "]}, "at least one environment"),
        ({"url": f"{URL}/v1/projects/1a5", "environments": "all"}, "url names the environment 1a5"),
        ({"concurrency": 0}, "greater than or equal to 1"),
        ({"concurrency": 33}, "less than or equal to 32"),
        ({"several": "both"}, "'oldest', 'newest' or 'all'"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_wrong_is_said_and_not_repeated(given: dict[str, Any], message: str) -> None:
    """A key that is misplaced is in no message."""
    with pytest.raises(ValidationError) as caught:
        options(**given)
    assert message in str(caught.value)
    assert "canary" not in str(caught.value)


def test_the_environment_may_be_named_twice() -> None:
    """In the URL and by itself, if both mean the same."""
    made = options(url=f"{URL}/v1/projects/1a5", environments="1a5")
    assert made.environments == ("1a5",)


def test_a_server_in_clear_text_is_told_once() -> None:
    """It is allowed, as Rancher itself speaks nothing else, and loud."""
    told: list[str] = []
    tools = Tools(FakeClock(), MemoryStore(), {}, told.append)
    build(options(), tools)
    build(options(url="http://localhost:8080"), tools)
    assert told == []
    build(options(url="http://rancher.example:8080"), tools)
    assert len(told) == 1
    assert "rancher.example:8080 is asked without TLS" in told[0]


def test_options_are_used_again_as_they_are() -> None:
    """A program may build them of what others were built of."""
    made = options()
    assert Options.model_validate(dict(made)) == made


def occupied(**given: Any) -> str:
    """Return what a sink with these options says that it writes to."""
    return build(options(**given), Tools(FakeClock(), MemoryStore())).occupies()


def test_sinks_over_one_place_are_known() -> None:
    """The same server and environments are the same place, in whatever form they are written."""
    one = occupied(environments=["1a5", "1a7"])
    assert one == occupied(url=f"{URL}:443/v1/", environments=["1a7", "1a5"])
    assert occupied(url=f"{URL}/v1/projects/1a5") == occupied(
        environments=["1a5"], access_key_file="/run/other"
    )
    places = [
        one,
        occupied(environments="all"),
        occupied(url="https://other.example", environments=["1a5", "1a7"]),
        # Without environments, the keys say which one is meant.
        occupied(),
        occupied(access_key_file="/run/other"),
        occupied(access_key_file=None, access_key_env="ACCESS"),
        occupied(access_key_file=None, access_key="ABC"),
    ]
    assert len(set(places)) == len(places)


def test_it_is_validated_without_asking_anybody(tmp_path: Path) -> None:
    """Keys and authorities that can't be read are found; no server is there."""
    access, secret = tmp_path / "access", tmp_path / "secret"
    given = {"access_key_file": access, "secret_key_file": secret}
    tools = Tools(FakeClock(), MemoryStore())
    for file in (access, secret):
        with pytest.raises(PermanentError, match=file.name):
            build(options(**given), tools).validate()
        file.write_text("key\n")
    build(options(**given), tools).validate()
    with pytest.raises(PermanentError, match="ca_file names no certificate authorities"):
        build(options(**given, ca_file=tmp_path / "none"), tools).validate()


def test_a_start_loads_no_http_library() -> None:
    """Who only looks at the settings or the records does not wait for it."""
    code = (
        "import sys; from refresher.plugins import find, Kind;"
        "from refresher.ports import Tools; from refresher.testing import FakeClock;"
        "from refresher.store.memory import MemoryStore;"
        "plugin = find(Kind.SINK, 'rancher');"
        "options = plugin.options(url='https://rancher.example', access_key='a',"
        " secret_key_env='B');"
        "plugin.build(options, Tools(FakeClock(), MemoryStore()));"
        "sys.exit(len({'requests', 'urllib3'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_settings_have_a_schema() -> None:
    """For editors; what is sent as text is text there."""
    schema = Options.model_json_schema()
    assert schema["properties"]["url"]["type"] == "string"
    assert set(schema["required"]) == {"url"}
