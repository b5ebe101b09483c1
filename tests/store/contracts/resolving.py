"""What every registry page must do with its settings, and with images."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import pytest

from refresher.errors import PermanentError
from refresher.model.credential import NEVER, Expiry, Secret
from refresher.model.registered import Preference, RowState
from refresher.model.resolving import Reason, Unresolved
from refresher.model.whitelist import CREDENTIAL, DEFAULT, WHITELIST
from refresher.ports import StoredCredential
from refresher.ports.registries import Registries, Resolved
from tests.store.contracts.page import ENVIRONMENT, HUB_NAMES, PageContract, add, page_of
from tests.store.contracts.samples import NOW, REGISTRY, named

IMAGE: Final = f"{REGISTRY}/team/app:1.0"


class ResolvingContract(PageContract):
    """The settings of the registry page, and what an image is pulled with."""

    def test_settings_come_back(self) -> None:
        """What is set is there for all, an empty value is the default, other names are none."""
        page = page_of(self.make_backend())
        assert page.settings() == {}
        page.set_setting(DEFAULT, " Registry.Example:5000 ")
        page.set_setting(WHITELIST, " quay.io , index.docker.io,quay.io,")
        page.set_setting(CREDENTIAL, "oldest")
        assert page.settings() == {
            DEFAULT: "Registry.Example:5000",
            WHITELIST: "quay.io,index.docker.io",
            CREDENTIAL: "oldest",
        }
        page.set_setting(DEFAULT, "quay.io")
        page.set_setting(CREDENTIAL, "")
        assert page.settings() == {DEFAULT: "quay.io", WHITELIST: "quay.io,index.docker.io"}

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("registry.defualt", "quay.io"),
            (DEFAULT, "https://quay.io"),
            (DEFAULT, "quay.io/acme"),
            (WHITELIST, "gcr.io,https://quay.io"),
            (WHITELIST, ","),
            (CREDENTIAL, "newset"),
        ],
    )
    def test_a_bad_setting_changes_nothing(self, name: str, value: str) -> None:
        """An unknown name, and a value that could never match, are errors."""
        page = page_of(self.make_backend())
        page.set_setting(WHITELIST, "gcr.io")
        with pytest.raises(PermanentError):
            page.set_setting(name, value)
        assert page.settings() == {WHITELIST: "gcr.io"}

    @pytest.mark.parametrize("expires", [NOW + timedelta(seconds=1), NEVER], ids=["later", "never"])
    def test_an_image_gets_the_credential_in_use(self, expires: Expiry) -> None:
        """It comes with the registry as the store spells it, and with the image taken apart."""
        page = page_of(self.make_backend())
        stored = StoredCredential("AWS", Secret("s3cret"), "a@b.example", NOW, expires)
        page.add_registry(ENVIRONMENT, REGISTRY.upper(), stored)
        found = resolved(page, IMAGE)
        assert (found.registry, found.credential) == (REGISTRY, stored)
        assert (found.image.path, found.image.tag) == ("team/app", "1.0")
        assert "s3cret" not in repr(found)

    @pytest.mark.parametrize("preference", list(Preference))
    def test_the_preference_decides(self, preference: Preference) -> None:
        """Of several credentials the one in use is found, as by the engine."""
        backend = self.make_backend()
        page = page_of(backend)
        page.add_registry(ENVIRONMENT, REGISTRY, named("one", "one"))
        add(page, "two", "two")
        page.set_setting(CREDENTIAL, preference)
        found = resolved(page, IMAGE).credential
        assert found.username == ("two" if preference is Preference.NEWEST else "one")
        assert found == backend.store.find(ENVIRONMENT, REGISTRY)

    @pytest.mark.parametrize(
        "image", ["ubuntu", "acme/app@sha256:" + "0" * 64, *(f"{name}/a/b" for name in HUB_NAMES)]
    )
    def test_docker_hub_is_one_registry(self, image: str) -> None:
        """A short name and every name of Docker Hub find what a sink put at `docker.io`."""
        backend = self.make_backend()
        backend.store.put(ENVIRONMENT, {"docker.io": named("hub")})
        found = resolved(page_of(backend), image)
        assert (found.registry, found.credential) == ("index.docker.io", named("hub"))

    def test_the_default_registry_is_for_images_that_name_none(self) -> None:
        """It takes the place of Docker Hub there, and nowhere else."""
        backend = self.make_backend()
        page = page_of(backend)
        backend.store.put(ENVIRONMENT, {"docker.io": named("hub"), REGISTRY: named("default")})
        page.set_setting(DEFAULT, REGISTRY.title())
        for image in ("ubuntu", "team/app"):
            found = resolved(page, image)
            assert (found.registry, found.credential) == (REGISTRY, named("default"))
            assert found.image.path == image
        for image in ("docker.io/ubuntu", "index.docker.io/team/app"):
            assert resolved(page, image).credential == named("hub")

    @pytest.mark.parametrize(
        ("settings", "image", "allowed"),
        [
            ({}, "quay.io/app", True),
            ({WHITELIST: "quay.io"}, "quay.io/app", True),
            ({WHITELIST: "gcr.io , quay.io"}, "quay.io/app", True),
            ({WHITELIST: "quay.io"}, "ubuntu", False),
            ({WHITELIST: "quay.io"}, "Quay.io/app", False),
            ({WHITELIST: "Quay.io"}, "quay.io/app", False),
            ({WHITELIST: "Quay.io"}, "Quay.io/app", True),
            ({WHITELIST: "quay.io"}, "quay.io:443/app", False),
            ({WHITELIST: "index.docker.io"}, "ubuntu", True),
            ({WHITELIST: "index.docker.io"}, "docker.io/acme/app", True),
            ({WHITELIST: "index.docker.io"}, "registry-1.docker.io/acme/app", True),
            ({WHITELIST: "docker.io"}, "docker.io/acme/app", True),
            ({WHITELIST: "docker.io"}, "ubuntu", False),
            ({WHITELIST: "quay.io", DEFAULT: "quay.io"}, "ubuntu", True),
            ({WHITELIST: "index.docker.io", DEFAULT: "quay.io"}, "ubuntu", False),
        ],
    )
    def test_the_whitelist_limits_where_images_come_from(
        self, settings: Mapping[str, str], image: str, *, allowed: bool
    ) -> None:
        """It is compared exactly with the registry that the image names, or the default."""
        backend = self.make_backend()
        page = page_of(backend)
        hosts = ("docker.io", "quay.io", "quay.io:443")
        backend.store.put(ENVIRONMENT, dict.fromkeys(hosts, named("secret")))
        for name, value in settings.items():
            page.set_setting(name, value)
        answer = page.resolve(image, ENVIRONMENT, NOW)
        if allowed:
            assert isinstance(answer, Resolved)
        else:
            assert isinstance(answer, Unresolved)
            assert answer.reason is Reason.NOT_WHITELISTED

    def test_an_image_without_a_credential_is_told_why(self) -> None:
        """Each reason in turn, as a person and time make it; the next one shows when it is gone."""
        page = page_of(self.make_backend())
        page.set_setting(WHITELIST, "quay.io")
        assert refused(page) == (
            Reason.NOT_WHITELISTED,
            f"registry {REGISTRY} is not in registry.whitelist: quay.io",
        )
        page.set_setting(WHITELIST, "")
        assert refused(page) == (
            Reason.NO_REGISTRY,
            f"environment default has no registry {REGISTRY}",
        )
        page.add_registry(ENVIRONMENT, REGISTRY)
        page.set_registry(ENVIRONMENT, REGISTRY, RowState.INACTIVE)
        where = f"registry {REGISTRY} of environment default"
        assert refused(page) == (Reason.INACTIVE, f"{where} is inactive")
        page.set_registry(ENVIRONMENT, REGISTRY, RowState.ACTIVE)
        assert refused(page) == (
            Reason.NO_ACTIVE_CREDENTIAL,
            f"{where} has no active credential",
        )
        expired = StoredCredential("AWS", Secret("s"), None, None, NOW)
        number = page.add_credential(ENVIRONMENT, REGISTRY, expired).id
        assert refused(page) == (
            Reason.EXPIRED,
            f"{where}: the credential of AWS ended at 2026-03-01 12:00:00+00:00",
        )
        page.set_credential(ENVIRONMENT, REGISTRY, number, RowState.INACTIVE)
        assert refused(page)[0] is Reason.NO_ACTIVE_CREDENTIAL
        for state in (RowState.INACTIVE, RowState.REMOVED):
            page.set_registry(ENVIRONMENT, REGISTRY, state)
        assert refused(page)[0] is Reason.NO_REGISTRY

    def test_an_expired_credential_hides_older_ones(self) -> None:
        """The one in use is the one that pulls get, alive or not."""
        page = page_of(self.make_backend())
        page.add_registry(ENVIRONMENT, REGISTRY, named("alive", "acme"))
        page.add_credential(
            ENVIRONMENT, REGISTRY, StoredCredential("AWS", Secret("s"), None, None, NOW)
        )
        assert refused(page)[0] is Reason.EXPIRED

    @pytest.mark.parametrize("image", ["", "Team/App", "a b", "quay.io/app:", "quay.io:99999/app"])
    def test_what_is_no_image_is_an_error(self, image: str) -> None:
        """As for `docker run`."""
        page = page_of(self.make_backend())
        with pytest.raises(PermanentError):
            page.resolve(image, ENVIRONMENT, NOW)


def resolved(page: Registries, image: str) -> Resolved:
    """Insist that an image gets a credential, and return it."""
    answer = page.resolve(image, ENVIRONMENT, NOW)
    assert isinstance(answer, Resolved), answer
    return answer


def refused(page: Registries) -> tuple[Reason, str]:
    """Insist that the image of these tests gets none, and return why."""
    answer = page.resolve(IMAGE, ENVIRONMENT, NOW)
    assert isinstance(answer, Unresolved), answer
    assert answer.registry == REGISTRY
    return answer.reason, answer.sentence
