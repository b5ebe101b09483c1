"""Settings from the environment of Rancher's ECR updater."""

from pathlib import Path
from typing import Any

import pytest

from refresher import settings
from refresher.errors import SettingsError
from refresher.model import listen
from refresher.ports import EventName
from refresher.providers.aws.provider import EcrProvider
from refresher.settings import Settings, for_cattle, is_for_cattle
from refresher.sinks.rancher import RancherSink
from refresher.store.memory import MemoryRecords, MemoryStore
from refresher.testing import EventLog, FakeClock
from refresher.wiring import Wiring, wire

SERVER = {
    "CATTLE_URL": "http://127.0.0.1:8080/v1",
    "CATTLE_ACCESS_KEY": "canary-access",
    "CATTLE_SECRET_KEY": "canary-secret",
}
ENV = {**SERVER, "AWS_REGION": "us-west-2"}
ACCOUNTS = ("123456789012", "210987654321")
BLANK = ("", " ", "\t\n")


def made(**env: str) -> Settings:
    """Return the settings of the shortest whole environment with some variables changed."""
    return for_cattle({**ENV, **env})


def ecr(**env: str) -> Any:
    """Return the options of the provider."""
    return made(**env).providers["ecr"].options


def rancher(**env: str) -> Any:
    """Return the options of the sink."""
    return made(**env).sinks["rancher"].options


def refused(env: dict[str, str]) -> SettingsError:
    """Insist that the settings are refused, and return the error."""
    with pytest.raises(SettingsError) as caught:
        for_cattle(env)
    assert "canary" not in str(caught.value) + caught.value.hint
    return caught.value


def complaints(**env: str) -> dict[str, str]:
    """Return what is wrong, by variable."""
    return {each.field: each.message for each in refused({**ENV, **env}).problems}


def wired(of: Settings, events: EventLog, env: dict[str, str]) -> Wiring:
    """Build what the settings describe."""
    return wire(
        of,
        clock=FakeClock(),
        store=MemoryStore(),
        env=env,
        events=events,
        fingerprint=MemoryRecords().fingerprint,
    )


def test_the_shortest_environment_is_enough() -> None:
    """A server, its keys and a region make one provider that feeds one sink."""
    built = wired(made(), EventLog(), ENV)
    assert isinstance(built.sources["ecr"].provider, EcrProvider)
    assert isinstance(built.sinks["rancher"], RancherSink)
    assert [(route.providers, route.sinks) for route in built.routes] == [(("ecr",), ("rancher",))]


def test_the_defaults_are_the_updaters() -> None:
    """It makes nothing in Rancher, logs what happens, listens on 8080 and keeps to one registry."""
    assert (rancher().create, rancher().environments, rancher().activate) == (False, None, False)
    assert (ecr().registries, ecr().region, ecr().role_arn) == ((), "us-west-2", None)
    assert (made().log_level, made().listen, made().store) == ("info", ":8080", None)
    address = listen.parse(made().listen or "")
    assert address is not None
    assert address.host == "", "every address of this host"


def test_no_key_is_in_the_settings() -> None:
    """They hold the names of the variables."""
    assert rancher().access_key_env == "CATTLE_ACCESS_KEY"
    assert rancher().secret_key_env == "CATTLE_SECRET_KEY"
    assert "canary" not in repr(made())


@pytest.mark.parametrize(
    ("given", "url"),
    [
        pytest.param(("CATTLE_URL",), "CATTLE_URL", id="as the updater reads it"),
        pytest.param(("CATTLE_CONFIG_URL",), "CATTLE_CONFIG_URL", id="the agent's"),
        pytest.param(("CATTLE_URL", "CATTLE_CONFIG_URL"), "CATTLE_URL", id="both"),
    ],
)
def test_either_variable_names_the_server(given: tuple[str, ...], url: str) -> None:
    """The one that the updater reads comes first."""
    env = {name: f"http://{name.lower().replace('_', '-')}.example/v1" for name in given}
    options: Any = for_cattle({**ENV, "CATTLE_URL": "", **env}).sinks["rancher"].options
    assert options.url.host == f"{url.lower().replace('_', '-')}.example"


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        ("http://rancher.example", ""),
        ("http://rancher.example:8080/", ""),
        ("http://rancher.example/v1", ""),
        ("http://rancher.example/v1/schemas", ""),
        ("http://rancher.example/v2-beta", ""),
        ("https://rancher.example/v1/projects/1a5", "1a5"),
        ("https://rancher.example/v2-beta/projects/1a5/", "1a5"),
        ("https://rancher.example/v2-beta/projects/1a5/schemas", "1a5"),
        ("  http://rancher.example/v1\n", ""),
    ],
)
def test_every_form_of_the_url_is_taken(text: str, environment: str) -> None:
    """One that names an environment means that one."""
    assert rancher(CATTLE_URL=text).url.environment == environment


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        pytest.param({"": "AS"}, "", id="one role"),
        pytest.param({"ENVIRONMENT_": "AS"}, "ENVIRONMENT_", id="several roles"),
        pytest.param({"": "AS", "ENVIRONMENT_": "AS"}, "", id="both"),
        pytest.param({"": "A", "ENVIRONMENT_": "AS"}, "ENVIRONMENT_", id="one of the first pair"),
        pytest.param({"": "AS", "ENVIRONMENT_": "S"}, "", id="one of the second pair"),
    ],
)
def test_a_whole_pair_of_keys_is_used(names: dict[str, str], prefix: str) -> None:
    """The updater's own first; halves of two pairs make none."""
    kinds = {"A": "ACCESS_KEY", "S": "SECRET_KEY"}
    keys = {f"CATTLE_{start}{kinds[it]}": "k" for start, both in names.items() for it in both}
    env = {"CATTLE_URL": "http://rancher.example", "AWS_REGION": "us-west-2", **keys}
    options: Any = for_cattle(env).sinks["rancher"].options
    assert options.access_key_env == f"CATTLE_{prefix}ACCESS_KEY"
    assert options.secret_key_env == f"CATTLE_{prefix}SECRET_KEY"


@pytest.mark.parametrize(
    ("left", "missing"),
    [
        (("CATTLE_URL",), {"CATTLE_ACCESS_KEY", "CATTLE_SECRET_KEY"}),
        (("CATTLE_CONFIG_URL",), {"CATTLE_ACCESS_KEY", "CATTLE_SECRET_KEY"}),
        (("CATTLE_URL", "CATTLE_ACCESS_KEY"), {"CATTLE_SECRET_KEY"}),
        (("CATTLE_URL", "CATTLE_SECRET_KEY"), {"CATTLE_ACCESS_KEY"}),
        (("CATTLE_ACCESS_KEY", "CATTLE_SECRET_KEY"), {"CATTLE_URL"}),
        (("CATTLE_SECRET_KEY",), {"CATTLE_URL", "CATTLE_ACCESS_KEY"}),
        (
            ("CATTLE_URL", "CATTLE_ENVIRONMENT_ACCESS_KEY"),
            {"CATTLE_ENVIRONMENT_SECRET_KEY"},
        ),
        (
            ("CATTLE_URL", "CATTLE_ACCESS_KEY", "CATTLE_ENVIRONMENT_SECRET_KEY"),
            {"CATTLE_SECRET_KEY"},
        ),
    ],
    ids=lambda names: "+".join(sorted(name.removeprefix("CATTLE_") for name in names)),
)
@pytest.mark.parametrize("blank", [None, *BLANK], ids=["unset", "empty", "space", "white space"])
def test_half_an_environment_names_what_is_missing(
    left: tuple[str, ...], missing: set[str], blank: str | None
) -> None:
    """All of it at once, and how Rancher would set it; a blank variable is none."""
    blanks = {} if blank is None else dict.fromkeys(missing, blank)
    env = {"AWS_REGION": "us-west-2", **dict.fromkeys(left, "http://canary.example"), **blanks}
    assert is_for_cattle(env)
    error = refused(env)
    assert {each.field: each.message for each in error.problems} == dict.fromkeys(
        missing, "is not set"
    )
    assert "io.rancher.container.create_agent" in error.hint


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"AWS_REGION": "us-west-2", "AWS_ECR_REGISTRY_IDS": ACCOUNTS[0], "AUTO_CREATE": "true"},
        {"CATTLE_URL": " ", "CATTLE_ACCESS_KEY": "", "CATTLE_AGENT_IP": "10.42.0.1"},
    ],
    ids=["nothing", "no server", "blank"],
)
def test_another_environment_is_no_wish(env: dict[str, str]) -> None:
    """Without a server or a key of Rancher's nothing is meant."""
    assert not is_for_cattle(env)


@pytest.mark.parametrize(
    ("text", "registries"),
    [
        pytest.param(ACCOUNTS[0], ACCOUNTS[:1], id="one"),
        pytest.param(",".join(ACCOUNTS), ACCOUNTS, id="two"),
        pytest.param(f" {ACCOUNTS[0]} , {ACCOUNTS[1]},", ACCOUNTS, id="spaces and a last comma"),
        pytest.param(f"{ACCOUNTS[0]},{ACCOUNTS[0]}", ACCOUNTS[:1], id="twice"),
        *(pytest.param(text, (), id=f"blank {len(text)}") for text in BLANK),
    ],
)
def test_accounts_become_registries_of_one_provider(text: str, registries: tuple[str, ...]) -> None:
    """One call serves them all; without any the token's own registry is meant."""
    hosts = tuple(f"{account}.dkr.ecr.us-west-2.amazonaws.com" for account in registries)
    assert ecr(AWS_ECR_REGISTRY_IDS=text).registries == hosts
    assert len(wired(made(AWS_ECR_REGISTRY_IDS=text), EventLog(), ENV).sources) == 1


@pytest.mark.parametrize(
    ("region", "ending"),
    [
        ("cn-north-1", "cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "us-gov-west-1.amazonaws.com"),
        ("us-iso-east-1", "us-iso-east-1.c2s.ic.gov"),
        ("eusc-de-east-1", "eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_accounts_anywhere_have_the_hosts_of_their_partition(region: str, ending: str) -> None:
    """As AWS itself names them there."""
    (host,) = ecr(AWS_REGION=region, AWS_ECR_REGISTRY_IDS=ACCOUNTS[0]).registries
    assert host == f"{ACCOUNTS[0]}.dkr.ecr.{ending}"


@pytest.mark.parametrize(
    "text",
    [
        ",",
        " , ",
        "12345678901",
        "1234567890123",
        "12345678901a",
        "\N{ARABIC-INDIC DIGIT ONE}" * 12,
        f"{ACCOUNTS[0]} {ACCOUNTS[1]}",
        f"{ACCOUNTS[0]},canary",
        f"{ACCOUNTS[0]}.dkr.ecr.us-west-2.amazonaws.com",
    ],
)
def test_what_is_no_account_is_refused(text: str) -> None:
    """And not repeated."""
    (told,) = complaints(AWS_ECR_REGISTRY_IDS=text).items()
    assert told == (
        "AWS_ECR_REGISTRY_IDS",
        "must be ids of AWS accounts, 12 digits each, with commas between",
    )


@pytest.mark.parametrize(
    ("env", "region"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
    ],
    ids=["both", "the default alone", "one is blank"],
)
def test_a_region_is_found(env: dict[str, str], region: str) -> None:
    """AWS_REGION comes first."""
    assert for_cattle({**SERVER, **env}).providers["ecr"].options.model_dump()["region"] == region


@pytest.mark.parametrize("accounts", ["", ACCOUNTS[0]], ids=["own registry", "accounts"])
def test_a_region_is_needed(accounts: str) -> None:
    """No host is guessed."""
    error = refused({**SERVER, "AWS_ECR_REGISTRY_IDS": accounts})
    assert str(error) == "environment: AWS_REGION: is not set"
    assert not error.hint


@pytest.mark.parametrize("accounts", ["", ACCOUNTS[0]], ids=["own registry", "accounts"])
@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_region_that_is_none_is_named_by_its_variable(variable: str, accounts: str) -> None:
    """Once, whatever depends on it."""
    env = {**SERVER, variable: "canary west 2", "AWS_ECR_REGISTRY_IDS": accounts}
    assert str(refused(env)) == (f"environment: {variable}: must be an AWS region like us-west-2")


@pytest.mark.parametrize(
    ("text", "create"),
    [
        *((text, True) for text in ("1", "t", "T", "true", "TRUE", "True", "yes", "on", " true ")),
        *((text, False) for text in ("0", "f", "F", "false", "FALSE", "False", "no", "off")),
        *((text, False) for text in BLANK),
    ],
)
def test_auto_create_is_read_as_go_reads_it(text: str, create: bool) -> None:  # noqa: FBT001
    """All that strconv.ParseBool takes, and what people write besides."""
    assert rancher(AUTO_CREATE=text).create is create


@pytest.mark.parametrize(
    ("text", "level"),
    [
        *((text, "error") for text in ("panic", "fatal", "error", "ERROR")),
        *((text, "warning") for text in ("warn", "warning", "Warning")),
        *((text, "info") for text in ("info", "INFO", *BLANK)),
        *((text, "debug") for text in ("debug", "trace")),
    ],
)
def test_every_level_of_logrus_has_one_here(text: str, level: str) -> None:
    """In any case."""
    assert made(LOG_LEVEL=text).log_level == level


@pytest.mark.parametrize(
    ("env", "address"),
    [
        ({"LISTEN_PORT": "9000"}, ":9000"),
        ({"LISTEN_PORT": " 9000 "}, ":9000"),
        ({"LISTEN_PORT": ""}, ":8080"),
        ({listen.VARIABLE: "127.0.0.1:1"}, None),
        ({listen.VARIABLE: ""}, ":8080"),
        ({listen.VARIABLE: "127.0.0.1:1", "LISTEN_PORT": "9000"}, ":9000"),
    ],
    ids=["a port", "spaces", "blank", "our variable", "our variable, blank", "both"],
)
def test_where_it_listens(env: dict[str, str], address: str | None) -> None:
    """LISTEN_PORT says it; the default gives way to the variable that the image sets."""
    assert made(**env).listen == address


@pytest.mark.parametrize(
    "text", ["http", "-1", "65536", ":8080", "0.0.0.0:8080", "[::1]:80", "8_0"]
)
def test_what_is_no_port_is_refused(text: str) -> None:
    """An address is no port."""
    assert complaints(LISTEN_PORT=text) == {"LISTEN_PORT": "must be a port: a number up to 65535"}


def test_a_role_is_assumed() -> None:
    """As the updater does, whatever the AWS chain gives."""
    arn = "arn:aws:iam::210987654321:role/puller"
    assert ecr(AWS_ROLE_ARN=arn).role_arn == arn


def test_a_role_with_a_token_file_is_left_to_the_chain() -> None:
    """It is the role of the token: assuming it once more with its own keys would be refused."""
    arn = "arn:aws:iam::210987654321:role/puller"
    assert ecr(AWS_ROLE_ARN=arn, AWS_WEB_IDENTITY_TOKEN_FILE="/token").role_arn is None


@pytest.mark.parametrize(
    ("old", "name"),
    [("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID"), ("AWS_SECRET_KEY", "AWS_SECRET_ACCESS_KEY")],
)
def test_names_that_only_the_updaters_sdk_reads_are_told(old: str, name: str) -> None:
    """Else another identity would be used, or none."""
    assert complaints(**{old: "canary"}) == {old: f"is not known here: name it {name}"}
    assert made(**{old: "canary", name: "canary"})


def test_everything_that_is_wrong_is_said_at_once() -> None:
    """By the names of the variables, without a value; what follows from another is left out."""
    wrong = complaints(
        CATTLE_URL="",
        CATTLE_CONFIG_URL="http://canary.example/v3",
        AWS_ROLE_ARN="canary",
        AWS_REGION="canary_west",
        AWS_ECR_REGISTRY_IDS="canary",
        AUTO_CREATE="canary",
        LOG_LEVEL="canary",
        LISTEN_PORT="canary",
    )
    assert wrong.keys() == {
        "CATTLE_CONFIG_URL",
        "AWS_ROLE_ARN",
        "AWS_REGION",
        "AWS_ECR_REGISTRY_IDS",
        "AUTO_CREATE",
        "LOG_LEVEL",
        "LISTEN_PORT",
    }
    assert "Rancher 2" in wrong["CATTLE_CONFIG_URL"]
    assert "yes" in wrong["AUTO_CREATE"]
    assert "warning" in wrong["LOG_LEVEL"]


def test_a_settings_file_tells_which_variables_are_not_used(tmp_path: Path) -> None:
    """Not the server and the keys, which it may name itself."""
    file = tmp_path / "refresher.yaml"
    file.write_text("store: memory\n")
    env = {**ENV, "AUTO_CREATE": "true", "LISTEN_PORT": "9000", "LOG_LEVEL": ""}
    events = EventLog()
    wired(settings.load(file, env), events, env)
    (notice,) = events.seen
    assert (notice.name, notice.detail) == (
        EventName.NOTICE,
        "AUTO_CREATE, LISTEN_PORT: not used, since a settings file is",
    )


@pytest.mark.parametrize(
    "env", [{}, ENV, {"LOG_LEVEL": "debug", "AUTO_CREATE": "true"}], ids=["none", "keys", "others'"]
)
def test_a_settings_file_alone_tells_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    """Nor beside variables that mean something to another program."""
    file = tmp_path / "refresher.yaml"
    file.write_text("store: memory\n")
    assert settings.load(file, env).notices == ()
