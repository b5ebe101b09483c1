"""The gcr provider: the right user name for each way in, hosts in any spelling, clear options."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from refresher.errors import PermanentError
from refresher.model.address import canonical
from refresher.model.credential import UNKNOWN, Credential, live_secrets
from refresher.options import Options
from refresher.ports import Declares, HasInputs, Provider, Validates
from refresher.providers import gcr, static
from refresher.providers.google.options import Auth
from refresher.testing import FakeClock, ProviderContract
from tests.providers.google_support import Account, pem

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parents[1] / "data"


def _fields(**changed: object) -> dict[str, object]:
    return {
        "type": "service_account",
        "project_id": "acme",
        "private_key": pem(),
        "client_email": "puller@acme.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        **changed,
    }


@pytest.fixture
def account(tmp_path: Path) -> Account:
    """A place with a good key file."""
    place = Account(tmp_path, FakeClock())
    place.write(_fields())
    return place


class TestJsonKeyContract(ProviderContract):
    """The contract, with a key as the password."""

    @pytest.fixture(autouse=True)
    def _place(self, account: Account) -> None:
        self.account = account

    def make_provider(self) -> Provider:
        """Return a provider that reads the key file."""
        return self.account.provider()


class TestBase64Contract(TestJsonKeyContract):
    """The contract, with a key in base64 as the password."""

    def make_provider(self) -> Provider:
        """Return a provider that reads the key file."""
        return self.account.provider(auth="json-key-base64")


SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "raw": lambda raw: raw,
    "base64": base64.b64encode,
    "base64, wrapped": base64.encodebytes,
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("auth", ["json-key", "json-key-base64"])
def test_user_name_and_password_agree(
    account: Account, auth: str, spell: Callable[[bytes], bytes]
) -> None:
    """However the file is encoded, the password is in the form that its user name announces."""
    account.write(spell(json.dumps(_fields(), indent=2).encode()))
    credential = account.provider(auth=auth).fetch(1)
    password = credential.secret.reveal()
    assert "\n" not in password
    if auth == "json-key":
        assert credential.username == "_json_key"
    else:
        assert credential.username == "_json_key_base64"
        password = base64.b64decode(password, validate=True).decode()
    assert password.startswith("{")
    assert json.loads(password) == _fields()


def test_a_key_has_no_known_end(account: Account) -> None:
    """A key file holds no expiry: its end is unknown, its issue is now."""
    credential = account.provider().fetch(1)
    assert credential.expires_at is UNKNOWN
    assert credential.issued_at == FakeClock().now()
    assert credential.answered_at is None


def test_a_key_survives_basic_authentication(account: Account) -> None:
    """A key is full of colons; user name and password part at the first one."""
    credential = account.provider().fetch(1)
    text = f"{credential.username}:{credential.secret.reveal()}"
    username, _, password = text.partition(":")
    assert (username, password) == ("_json_key", credential.secret.reveal())


@pytest.mark.parametrize(
    ("options", "username"),
    [
        pytest.param({}, "_json_key", id="a key file alone"),
        pytest.param({"auth": "json-key"}, "_json_key", id="named"),
        pytest.param({"auth": "json-key-base64"}, "_json_key_base64", id="base64"),
    ],
)
def test_the_way_in_follows_from_the_options(
    account: Account, options: dict[str, object], username: str
) -> None:
    """A key file alone means the key itself, which is advised against once."""
    provider = account.provider(**options)
    assert provider.fetch(1).username == username
    assert provider.fetch(1)
    advice = [notice for notice in account.notices if "auth: access-token" in notice]
    assert len(advice) == (0 if options else 1)


def test_without_a_key_file_it_is_an_access_token() -> None:
    """No key file means an access token of the environment's identity."""
    options = gcr.Options.model_validate({"registries": ["gcr.io"]})
    assert options.way is Auth.ACCESS_TOKEN


def test_a_repair_is_told_once(account: Account) -> None:
    """A damaged but readable key is told once, however often it is read."""
    account.write(json.dumps(_fields()).encode().replace(b"\\n", b"\n"))
    provider = account.provider(auth="json-key")
    passwords = {provider.fetch(1).secret.reveal() for _ in range(3)}
    assert json.loads(passwords.pop())["private_key"] == pem()
    assert not passwords
    assert [("raw line breaks" in notice) for notice in account.notices] == [True]


def test_a_rotated_key_is_read_again(account: Account) -> None:
    """A new file is used at the next fetch; a half-written one is an error, then it heals."""
    provider = account.provider()
    first = provider.fetch(1).secret
    good = json.dumps(_fields(private_key_id="new")).encode()
    for half in (b"", good[:40], good[:-1]):
        account.write(half)
        with pytest.raises(PermanentError, match=f"key_file {account.path}"):
            provider.fetch(1)
    account.write(good)
    second = provider.fetch(1).secret
    assert second != first
    assert json.loads(second.reveal())["private_key_id"] == "new"


def test_the_key_file_is_an_input_and_is_validated(account: Account) -> None:
    """The engine watches the key file, and a bad one is found before the first fetch."""
    provider = account.provider()
    assert isinstance(provider, HasInputs)
    assert isinstance(provider, Validates)
    assert list(provider.inputs()) == [account.path]
    provider.validate()
    account.path.unlink()
    with pytest.raises(PermanentError, match="does not exist"):
        provider.validate()


@pytest.mark.parametrize("kind", ["authorized_user", "external_account"])
def test_other_identities_are_no_passwords(account: Account, kind: str) -> None:
    """What is good for access tokens is refused as a password, with a hint at the other way."""
    account.write(_fields(type=kind))
    with pytest.raises(PermanentError, match=kind) as caught:
        account.provider().fetch(1)
    assert "auth: access-token" in caught.value.hint


def test_the_private_key_is_known_to_the_redactor(account: Account) -> None:
    """While the provider lives, the private key itself is among the live secrets."""
    provider = account.provider()
    provider.fetch(1)
    assert pem() in [secret.reveal() for secret in live_secrets()]
    assert pem()[100:140] not in repr(vars(provider))


@pytest.mark.parametrize(
    ("written", "kept", "told"),
    [
        pytest.param("gcr.io", "gcr.io", [], id="bare"),
        pytest.param("https://EU.gcr.io/v2/", "eu.gcr.io", [], id="scheme and API path"),
        pytest.param("gcr.io/my-project", "gcr.io", ["gcr.io/my-project is kept"], id="project"),
        pytest.param(
            "us-docker.pkg.dev/acme/repo/image",
            "us-docker.pkg.dev",
            ["us-docker.pkg.dev/acme/repo/image is kept"],
            id="repository",
        ),
        pytest.param(
            "u-fr-docker.pkg.s3ns.example",
            "u-fr-docker.pkg.s3ns.example",
            ["no registry of Google by its name"],
            id="sovereign",
        ),
    ],
)
def test_hosts_are_kept_alone(account: Account, written: str, kept: str, told: list[str]) -> None:
    """A project in an address is dropped with a notice; an unknown host is only told about."""
    provider = account.provider(auth="json-key", registries=[written])
    assert provider.fetch(1).registries == (kept,)
    assert isinstance(provider, Declares)
    assert provider.registries == (kept,)
    assert len(account.notices) == len(told)
    assert all(part in notice for part, notice in zip(told, account.notices, strict=True))


def test_access_tokens_declare_their_hosts(account: Account) -> None:
    """A provider of tokens knows its registries before it asks, and validates without asking."""
    provider = account.provider(registries=["gcr.io/a"], key_file=None)
    assert isinstance(provider, Declares)
    assert isinstance(provider, Validates)
    assert provider.registries == ("gcr.io",)
    provider.validate()


def test_hosts_that_fall_together_are_one(account: Account) -> None:
    """Two projects of one host are one registry."""
    provider = account.provider(registries=["gcr.io/a", "gcr.io/b", "gcr.io"])
    assert provider.fetch(1).registries == ("gcr.io",)
    assert isinstance(provider, Declares)
    assert provider.registries == ("gcr.io",)


def _google_hosts() -> list[str]:
    vectors = json.loads((DATA / "gcp_hosts.json").read_text())
    known = ("kubelet_auth_provider_gcp", "docker_credential_gcr_default_ar")
    hosts = [one["input"] for one in vectors if any(one["expect"][name] for name in known)]
    return sorted({canonical(host) for host in hosts})


def test_googles_hosts_need_no_notice(account: Account) -> None:
    """Every host that Google's own tools know is taken without a word, in one credential."""
    hosts = _google_hosts()
    assert len(hosts) > 60
    credential = account.provider(auth="json-key", registries=hosts).fetch(1)
    assert sorted(credential.registries) == hosts
    assert account.notices == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"registries": []}, "registries\n.*name at least one", id="no registry"),
        pytest.param({"registries": None}, "registries\n.*required", id="registries missing"),
        pytest.param({"registries": ["no host"]}, "registries", id="bad registry"),
        pytest.param({"auth": "token"}, "auth", id="unknown way"),
        pytest.param(
            {"auth": "json-key"}, "auth\n.*json-key, which needs key_file", id="no key file"
        ),
        pytest.param(
            {"auth": "json-key-base64"}, "auth\n.*base64, which needs key_file", id="no key file 2"
        ),
        pytest.param({"scopes": []}, "scopes", id="no scope"),
        pytest.param({"impersonate": "acme"}, "impersonate", id="no e-mail"),
        pytest.param({"impersonate": "a@b.example/../x"}, "impersonate", id="a path in the e-mail"),
        pytest.param({"trusted_hosts": ["https://x.example"]}, "trusted_hosts", id="a URL"),
        pytest.param({"universe_domain": ""}, "universe_domain", id="no universe"),
        pytest.param({"iam_endpoint": "https://evil.example"}, "iam_endpoint", id="foreign IAM"),
        pytest.param(
            {"iam_endpoint": "http://iam.googleapis.com"}, "iam_endpoint", id="IAM, no TLS"
        ),
        pytest.param(
            {"key_file": "k", "impersonate": "a@b.example"},
            "impersonate\n.*is for auth: access-token, here it is json-key",
            id="impersonate with a key",
        ),
        pytest.param(
            {"key_file": "k", "scopes": ["x"]}, "scopes\n.*is for", id="scopes with a key"
        ),
        pytest.param({"key_file": "k", "ca_file": "x"}, "ca_file\n.*is for", id="CA with a key"),
        pytest.param({"keyfile": "k"}, "keyfile", id="unknown name"),
        pytest.param({"key_file": ""}, "key_file\n.*is empty", id="empty path"),
        pytest.param({"impersonate": f"{'a' * 400}@b.example"}, "impersonate", id="long e-mail"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str) -> None:
    """Options that are wrong, or that contradict each other, are refused with their names."""
    given = {"registries": ["gcr.io"], **options}
    written = {name: value for name, value in given.items() if value is not None}
    with pytest.raises(ValidationError, match=message):
        gcr.Options.model_validate(written)


@pytest.mark.parametrize(
    "url",
    [
        *("https://canary.example/", "http://canary.googleapis.com/", "canary"),
        *("https://canary:canary@iam.googleapis.com/", "https://iam.googleapis.com:canary/"),
    ],
)
def test_a_refused_endpoint_is_not_repeated(url: str) -> None:
    """Nothing of the URL is in the error, which stands at its own field; a good URL is taken."""
    options = {"registries": ["gcr.io"], "trusted_hosts": ["iam.example"]}
    with pytest.raises(ValidationError, match="an https URL at a host of Google") as caught:
        gcr.Options.model_validate({**options, "iam_endpoint": url})
    assert [error["loc"] for error in caught.value.errors()] == [("iam_endpoint",)]
    assert "canary" not in str(caught.value)
    assert gcr.Options.model_validate({**options, "iam_endpoint": "https://iam.example"})


def test_one_bad_option_brings_no_second_complaint() -> None:
    """What depends on an option that is refused itself is left alone."""
    with pytest.raises(ValidationError) as caught:
        gcr.Options.model_validate(
            {
                "registries": ["gcr.io"],
                "auth": "canary",
                "scopes": ["x"],
                "universe_domain": "",
                "iam_endpoint": "https://iam.example",
            }
        )
    assert [error["loc"] for error in caught.value.errors()] == [("auth",), ("universe_domain",)]


@pytest.mark.parametrize("name", ["gcr", "static"])
def test_the_example_is_valid(name: str) -> None:
    """The example file under config/ holds options that the providers take."""
    settings = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())
    modules: dict[str, type[Options]] = {"gcr": gcr.Options, "static": static.Options}
    for options in settings["providers"].values():
        assert modules[options.pop("type")].model_validate(options)


_IMPORTS = """
import json, sys
from refresher.ports import Tools
from refresher.providers import gcr
from refresher.store.memory import MemoryStore
from refresher.testing import FakeClock
options = gcr.Options.model_validate({"registries": ["gcr.io"], "key_file": sys.argv[1]})
built = gcr.build(options, Tools(FakeClock(), MemoryStore()))
before = [name for name in ("cryptography", "google.auth", "requests") if name in sys.modules]
built.fetch(1)
after = [name for name in ("cryptography", "google.auth", "requests") if name in sys.modules]
print(json.dumps([before, after]))
"""


def test_nothing_heavy_is_imported_for_a_key(account: Account) -> None:
    """Building loads none of the heavy libraries, and a key as password only cryptography."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS, str(account.path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == [[], ["cryptography"]]


def test_a_credential_is_what_the_engine_expects(account: Account) -> None:
    """Both user names of keys are without a colon, and the password is one line of ASCII."""
    account.write(_fields(project_id="Grüße \N{SNOWMAN} \x7f\u2028"))
    for auth in ("json-key", "json-key-base64"):
        credential = account.provider(auth=auth).fetch(1)
        assert isinstance(credential, Credential)
        assert credential.secret.reveal().isascii()
        assert credential.secret.reveal().isprintable()
