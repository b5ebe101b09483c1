"""Which registry an image comes from, and which credential it gets there."""

from datetime import UTC, datetime, timedelta

import pytest

from refresher.errors import PermanentError
from refresher.model.credential import NEVER, UNKNOWN, Expiry
from refresher.model.image import named_registry
from refresher.model.pageaddress import look_up
from refresher.model.registered import (
    Preference,
    Registered,
    RegisteredCredential,
    RowState,
)
from refresher.model.resolving import Reason, Request, Unresolved, choose
from refresher.model.whitelist import PageSettings
from tests.model.vectors import vectors

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REGISTRY = "registry.example:5000"


def held(number: int = 1, expires: Expiry = NEVER, state: str = "active") -> RegisteredCredential:
    """Return a credential."""
    return RegisteredCredential(number, "AWS", RowState(state), NOW, NOW, expires_at=expires)


def registered(*credentials: RegisteredCredential, state: str = "active") -> Registered:
    """Return the registry of these tests."""
    return Registered(1, "default", REGISTRY, RowState(state), NOW, credentials)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ubuntu", ""),
        ("ubuntu:16.04", ""),
        ("acme/app", ""),
        ("localhost:5000", ""),
        ("localhost/app", "localhost"),
        ("localhost:5000/app", "localhost:5000"),
        ("index.docker.io/app", "index.docker.io"),
        ("Registry.Example/app", "Registry.Example"),
        ("ACME/app", "ACME"),
        ("/app", ""),
    ],
)
def test_an_image_may_name_its_registry(text: str, named: str) -> None:
    """It is what stands before the first slash, if that looks like a host."""
    assert named_registry(text) == named


@pytest.mark.parametrize(
    ("text", "default", "registry", "address", "image"),
    [
        ("ubuntu", "", "index.docker.io", "index.docker.io", "docker.io/library/ubuntu"),
        ("acme/app:1", "", "index.docker.io", "index.docker.io", "docker.io/acme/app:1"),
        ("docker.io/app", "", "docker.io", "index.docker.io", "docker.io/library/app"),
        ("index.docker.io/a/b", "", "index.docker.io", "index.docker.io", "docker.io/a/b"),
        ("ubuntu", "quay.io", "quay.io", "quay.io", "quay.io/ubuntu"),
        ("acme/app", "Quay.io:443", "Quay.io:443", "quay.io:443", "Quay.io:443/acme/app"),
        ("ubuntu", "docker.io", "docker.io", "index.docker.io", "docker.io/library/ubuntu"),
        ("gcr.io/a/b", "quay.io", "gcr.io", "gcr.io", "gcr.io/a/b"),
        ("docker.io/app", "quay.io", "docker.io", "index.docker.io", "docker.io/library/app"),
    ],
)
def test_the_registry_is_named_or_the_default(
    text: str, default: str, registry: str, address: str, image: str
) -> None:
    """As the text or the setting writes it for the whitelist, and as the store does to look up."""
    request = Request.of(text, PageSettings(default))
    assert (request.registry, request.address) == (registry, address)
    assert str(request.image) == image


@pytest.mark.parametrize("text", ["", "Acme", "a//b", "quay.io:99999/app", "f" * 64])
def test_what_is_no_image_is_an_error(text: str) -> None:
    """As for `docker run`."""
    with pytest.raises(PermanentError):
        Request.of(text, PageSettings())


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        (None, Reason.NO_REGISTRY),
        (registered(), Reason.NO_ACTIVE_CREDENTIAL),
        (registered(held(), state="inactive"), Reason.INACTIVE),
        (registered(held(), state="removed"), Reason.INACTIVE),
        (registered(held(state="inactive")), Reason.NO_ACTIVE_CREDENTIAL),
        (registered(held(2, NOW), held(1)), Reason.EXPIRED),
    ],
)
def test_why_an_image_gets_no_credential(there: Registered | None, reason: Reason) -> None:
    """The first thing that is in the way is the reason, with a sentence about it."""
    request = Request.of(f"{REGISTRY}/app", PageSettings())
    answer = choose(request, PageSettings(), "default", there, NOW)
    assert isinstance(answer, Unresolved)
    assert (answer.reason, answer.registry, answer.image) == (reason, REGISTRY, request.image)
    assert REGISTRY in answer.sentence
    assert "default" in answer.sentence


def test_the_whitelist_is_asked_first() -> None:
    """What may not be used is not looked for."""
    page = PageSettings(whitelist=("quay.io", "gcr.io"))
    answer = choose(Request.of(f"{REGISTRY}/app", page), page, "default", registered(held()), NOW)
    assert isinstance(answer, Unresolved)
    assert answer.reason is Reason.NOT_WHITELISTED
    assert answer.sentence == f"registry {REGISTRY} is not in registry.whitelist: quay.io, gcr.io"


def test_a_long_whitelist_is_not_told_whole() -> None:
    """A sentence stays one, however many addresses are listed."""
    page = PageSettings(whitelist=tuple(f"r{number}.example" for number in range(10_000)))
    answer = choose(Request.of(f"{REGISTRY}/app", page), page, "default", None, NOW)
    assert isinstance(answer, Unresolved)
    assert answer.sentence.endswith("r8.example, r9.example and 9990 more")
    assert len(answer.sentence) < 300


@pytest.mark.parametrize("preference", list(Preference))
@pytest.mark.parametrize("expires", [NOW + timedelta(microseconds=1), NEVER, UNKNOWN], ids=str)
def test_an_image_gets_the_credential_in_use(preference: Preference, expires: Expiry) -> None:
    """What is alive, or of which nobody knows the end, by the preference."""
    page = PageSettings(preference=preference)
    there = registered(
        held(4, state="inactive"), held(3, expires), held(2, expires), held(1, state="inactive")
    )
    answer = choose(Request.of(f"{REGISTRY}/app", page), page, "default", there, NOW)
    assert isinstance(answer, RegisteredCredential)
    assert answer.id == (3 if preference is Preference.NEWEST else 2)


def test_rancher_finds_a_registry_by_its_address() -> None:
    """An IP address is a registry like any other (its own test of the keyring)."""
    (row,) = (row["input"] for row in vectors("rancher1.json") if "image" in row["input"])
    address = Request.of(row["image"], PageSettings()).address
    assert address in [look_up(registry) for registry in row["registries"]]
