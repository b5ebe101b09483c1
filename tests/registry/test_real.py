"""Checks against a real registry, with Basic and with a token server."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from refresher.ports import Judgement, Verdict
from tests.conftest import requires
from tests.doubles.certificates import Authority
from tests.doubles.registry import Registry, write_image
from tests.doubles.token import TokenServer
from tests.registry.conftest import PASSWORD, USER, Try

OURS = "127.0.0.1"


def _push(registry: Registry, image: Path, name: str) -> None:
    """Push an image as the user."""
    done = subprocess.run(
        [
            *("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false"),
            *("--dest-username", USER, "--dest-password", PASSWORD),
            *(write_image(image), f"docker://{OURS}:{registry.port}/{name}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def basic(tmp_path: Path) -> Iterator[Registry]:
    """Start a registry with a password file, and push an image."""
    for command, package in (
        ("docker-registry", ""),
        ("skopeo", ""),
        ("htpasswd", "apache2-utils"),
    ):
        requires(command, package=package)
    with Registry(tmp_path / "registry", OURS) as registry:
        registry.let_in(USER, PASSWORD)
        _push(registry, tmp_path / "image", "team/app:1")
        yield registry


def test_a_registry_with_basic(basic: Registry, attempt: Try) -> None:
    """A password is accepted and refused; an image is there or is not."""
    host, trust = f"{OURS}:{basic.port}", (basic.authority.file,)
    assert attempt(host, ca_files=trust) == Judgement(Verdict.ACCEPTED)
    assert attempt(host, f"{host}/team/app:1", ca_files=trust) == Judgement(Verdict.ACCEPTED)
    wrong = attempt(host, f"{host}/team/app:1", ca_files=trust, password="another password")
    assert wrong == Judgement(Verdict.REFUSED, f"{host} answers 401 to the credential")
    gone = attempt(host, f"{host}/team/app:2", ca_files=trust)
    assert gone.verdict is Verdict.INCONCLUSIVE
    assert f"{host} has no {host}/team/app:2" in gone.reason
    unknown = attempt(host, ca_files=())
    assert "verify.ca_file" in unknown.reason
    assert attempt(host, ca_files=(), insecure=(host,)).verdict is Verdict.ACCEPTED


@pytest.fixture
def tokens(tmp_path: Path, authority: Authority) -> Iterator[TokenServer]:
    """Start a token server that knows the user, who may do all to one image."""
    for command in ("docker-registry", "skopeo"):
        requires(command)
    with TokenServer(tmp_path, authority.server()) as running:
        running.users[USER] = PASSWORD
        running.rights[USER, "team/app"] = {"pull", "push"}
        yield running


def test_a_registry_with_tokens(
    tokens: TokenServer, authority: Authority, tmp_path: Path, attempt: Try
) -> None:
    """The token server refuses a login; the registry denies what a token gives no right to."""
    with Registry(tmp_path / "registry", OURS, auth=tokens.settings) as registry:
        _push(registry, tmp_path / "image", "team/app:1")
        host = f"{OURS}:{registry.port}"
        trust = (registry.authority.file, authority.file)

        def judged(*images: str, password: str = PASSWORD) -> Judgement:
            names = (f"{host}/{image}" for image in images)
            return attempt(host, *names, password=password, realms=(tokens.host,), ca_files=trust)

        assert judged() == Judgement(Verdict.ACCEPTED)
        assert judged("team/app:1") == Judgement(Verdict.ACCEPTED)
        refused = f"the token server {tokens.host} answers 401 to the credential"
        assert judged(password="another one") == Judgement(Verdict.REFUSED, refused)
        assert judged("team/app:2").verdict is Verdict.INCONCLUSIVE
        denied = judged("other/app:1")
        assert denied.verdict is Verdict.FORBIDDEN
        assert denied.reason == f"{host} answers 401 to a pull of {host}/other/app:1"
        tokens.rights.clear()
        assert judged("team/app:1").verdict is Verdict.FORBIDDEN
        assert judged() == Judgement(Verdict.ACCEPTED)
        asked = len(tokens.seen)
        unnamed = attempt(host, ca_files=trust)
        assert unnamed.verdict is Verdict.INCONCLUSIVE
        assert f"its realm at {tokens.host} is internal" in unnamed.reason
        assert len(tokens.seen) == asked
