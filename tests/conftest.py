"""What all tests share: an environment of their own, and skips that say what they need."""

import os
import shutil
from typing import Final

import pytest

_STRICT: Final = "REFRESHER_STRICT_TESTS"
_SCRUBBED: Final = frozenset(
    {
        "ALL_PROXY",
        "AWS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "DOCKER_AUTH_CONFIG",
        "DOCKER_CONFIG",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "REGISTRY_AUTH_FILE",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
    }
)
_SCRUBBED_PREFIXES: Final = ("AWS_", "CLOUDSDK_", "GOOGLE_", "PG", "REFRESHER_", "XDG_")


def requires(what: str, *, package: str | None = None, available: bool | None = None) -> None:
    """Skip the running test if `what` is not there, and say what to install.

    Without `available`, `what` is a command that is looked for. `package` is the Debian
    package, for a command by default the one of its name. Under REFRESHER_STRICT_TESTS=1
    a test that would be skipped fails: CI has everything.
    """
    if available is None:
        available = shutil.which(what) is not None
        package = package or what
    if available:
        return
    message = f"needs {what}" + (f" (Debian package {package})" if package else "")
    if os.environ.get(_STRICT) == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture(autouse=True)
def _own_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Give every test an empty home, and nothing of this host's accounts, proxies and CAs."""
    for name in tuple(os.environ):
        known = name.upper() in _SCRUBBED or name.upper().startswith(_SCRUBBED_PREFIXES)
        if known and name != _STRICT:
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    # The default store of a host that has refresher installed is not for tests.
    monkeypatch.setenv("STATE_DIRECTORY", str(home / "state"))
