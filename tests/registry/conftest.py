"""What the checks share: an authority, a credential, and a way to try it."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from refresher.clock import SystemClock
from refresher.model.credential import NEVER, Credential, Secret
from refresher.model.image import ImageReference
from refresher.ports import Judgement
from refresher.registry.policy import Mode, Policy
from refresher.registry.verifier import RegistryVerifier
from tests.doubles.certificates import Authority
from tests.store.conftest import powerless as powerless  # noqa: PLC0414 - a fixture here, too

USER = "ann-the-puller"
PASSWORD = "canary:pass word/Ä+\N{SNOWMAN}"

Try = Callable[..., Judgement]


def credential(password: str = PASSWORD, username: str = USER) -> Credential:
    """Return a credential that never ends."""
    now = datetime.now(UTC)
    return Credential(
        ("registry.example",), username, Secret(password), issued_at=now, expires_at=NEVER
    )


def policy(images: Iterable[str] = (), *, mode: Mode | None = None, **names: Any) -> Policy:
    """Return a policy: a pull of `images` if there are any, else a login."""
    made = tuple(map(ImageReference.parse, images))
    return Policy(mode or (Mode.PULL if made else Mode.LOGIN), made, **names)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make a private authority."""
    return Authority(tmp_path_factory.mktemp("authority"), "authority of the checks")


@pytest.fixture
def attempt(authority: Authority) -> Try:
    """Return a function that tries a credential at a registry and trusts the authority."""

    def attempt(
        registry: str,
        *images: str,
        password: str = PASSWORD,
        deadline: float = 10.0,
        ca_files: tuple[Path, ...] = (authority.file,),
        **names: Any,
    ) -> Judgement:
        asked = policy(images, ca_files=ca_files, **names)
        verifier = RegistryVerifier(asked, SystemClock(), {})
        return verifier.verify(registry, credential(password), deadline)

    return attempt
