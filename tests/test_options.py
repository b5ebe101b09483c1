"""The kinds of option that plug-ins share."""

import base64
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from refresher.options import Duration, Options, Registry, SettingsPath, VariableName

KEY = {
    "type": "service_account",
    "private_key": "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n",
}
PACKED = base64.b64encode(json.dumps(KEY).encode()).decode()
CONTEXT = {"directory": Path("/etc/refresher"), "env": {"HOME": "/home/ann"}}


class Sample(Options):
    """One option of each kind."""

    duration: Duration = 1.0
    path: SettingsPath = Path()
    registry: Registry = ""
    variable: VariableName = ""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("90", 90, id="seconds"),
        pytest.param("90s", 90, id="with a unit"),
        pytest.param("1.5", 1.5, id="a part of a second"),
        pytest.param(" 45m ", 2700, id="minutes"),
        pytest.param("1d12h", 129_600, id="days and hours"),
        pytest.param(60.0, 60, id="a number"),
        pytest.param("36525d", 36_525 * 86_400, id="the longest"),
    ],
)
def test_durations_are_seconds(text: object, seconds: float) -> None:
    """A number, or numbers with units from the largest down."""
    assert Sample.model_validate({"duration": text}).duration == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "0", "0s", "-1", "m", "1w", "1e3", "soon", "30m1h", "inf", "nan"),
        *("36526d", "9" * 400, float("nan"), -1.0, None),
    ],
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    """Nothing, not positive, unordered, or longer than any moment can be reckoned with."""
    with pytest.raises(ValidationError):
        Sample.model_validate({"duration": text})


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param("keys/a.json", "/etc/refresher/keys/a.json", id="relative"),
        pytest.param("../a", "/etc/a", id="upwards"),
        pytest.param("/run/a", "/run/a", id="absolute"),
        pytest.param("~/a", "/home/ann/a", id="home"),
        pytest.param("~", "/home/ann", id="home alone"),
        pytest.param("a/~/b", "/etc/refresher/a/~/b", id="not at the start"),
    ],
)
def test_paths_start_at_the_settings_file(text: str, path: str) -> None:
    """`~` is the home that the environment names."""
    assert Sample.model_validate({"path": text}, context=CONTEXT).path == Path(path)


def test_another_users_home_is_asked_of_the_system() -> None:
    """`~root` is where the user database says."""
    made = Sample.model_validate({"path": "~root/a"}, context=CONTEXT).path
    assert made == Path("~root/a").expanduser()


def test_paths_without_settings_are_as_written() -> None:
    """A library user gives paths as any program does."""
    assert Sample.model_validate({"path": "a/b"}).path == Path("a/b")


@pytest.mark.parametrize("text", ["a\0b", "~no-such-user-here/a", "", " ", "\n"])
def test_what_is_no_path_is_refused(text: str) -> None:
    """No other error than a validation error leaves the options."""
    with pytest.raises(ValidationError):
        Sample.model_validate({"path": text}, context=CONTEXT)


@pytest.mark.parametrize("text", [json.dumps(KEY), KEY["private_key"], PACKED, f"{PACKED}\n"])
def test_a_key_in_the_place_of_its_path_is_refused(text: str) -> None:
    """It is told what happened, and nothing of the key."""
    with pytest.raises(ValidationError, match="holds the content itself") as caught:
        Sample.model_validate({"path": text}, context=CONTEXT)
    assert "canary" not in str(caught.value)
    assert PACKED[:12] not in str(caught.value)


@pytest.mark.parametrize("name", ["HUB", "_hub_2", "a"])
def test_a_variable_has_a_name(name: str) -> None:
    """Letters, digits and underscores, no digit first."""
    assert Sample.model_validate({"variable": name}).variable == name


@pytest.mark.parametrize(
    "name", ["", "2canary", "canary-x", "canary x", "CANÄRY", "canary\n", "$canary"]
)
def test_what_is_no_name_of_a_variable_is_not_repeated(name: str) -> None:
    """A password that stands in its place is most likely none, and stays unseen."""
    with pytest.raises(ValidationError, match="no name of an environment variable") as caught:
        Sample.model_validate({"variable": name})
    assert "can" not in str(caught.value)


@pytest.mark.parametrize("text", ["canary secret", "user:canary@host", "HOST/canary/UPPER", ""])
def test_a_refused_registry_is_not_repeated(text: str) -> None:
    """A password that landed in the wrong line stays unseen."""
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate({"registry": text})
    assert "canary" not in str(caught.value)
    assert "no registry address" in str(caught.value)


def test_registries_are_kept_in_canonical_form() -> None:
    """Any spelling will do."""
    assert (
        Sample.model_validate({"registry": "https://Index.docker.io/v1/"}).registry == "docker.io"
    )
