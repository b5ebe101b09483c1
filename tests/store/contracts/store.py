"""What every registry store must do."""

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor

import pytest

from refresher.ports import Store, StoredCredential
from refresher.testing import NASTY_SECRETS
from tests.store.contracts.samples import CREDENTIALS, REGISTRY, named


class StoreContract(ABC):
    """The registry store. `make_store` returns an empty one."""

    @abstractmethod
    def make_store(self) -> Store:
        """Return an empty store."""

    def test_an_empty_store_holds_nothing(self) -> None:
        """No environment and no registry: nothing is found, and nothing is wrong."""
        store = self.make_store()
        assert store.find("default", REGISTRY) is None
        assert store.find_all("default", [REGISTRY, "docker.io"]) == {}
        assert store.find_all("default", []) == {}
        assert store.obstacles("default", [REGISTRY]) == {}
        assert store.obstacles("default", []) == {}

    @pytest.mark.parametrize("credential", CREDENTIALS.values(), ids=CREDENTIALS)
    def test_what_was_put_is_found(self, credential: StoredCredential) -> None:
        """Every field comes back, as the same value."""
        store = self.make_store()
        store.put("default", {REGISTRY: credential})
        assert store.find("default", REGISTRY) == credential
        assert store.obstacles("default", [REGISTRY]) == {}

    def test_nasty_secrets_come_back_unchanged(self) -> None:
        """Quotes, spaces, other scripts and length survive."""
        store = self.make_store()
        for secret in NASTY_SECRETS:
            store.put("default", {REGISTRY: named(secret)})
            assert store.find("default", REGISTRY) == named(secret)

    def test_the_same_user_is_renewed(self) -> None:
        """A new secret of the user in use takes the place of the old one, whole."""
        store = self.make_store()
        store.put("default", {REGISTRY: CREDENTIALS["whole"]})
        store.put("default", {REGISTRY: CREDENTIALS["bare"]})
        assert store.find("default", REGISTRY) == CREDENTIALS["bare"]

    def test_the_latest_user_is_in_use(self) -> None:
        """Whoever was put last is in use, also a user who was in use before."""
        store = self.make_store()
        for username in ("first", "second", "first", "third", "second"):
            store.put("default", {REGISTRY: named("of-" + username, username)})
            assert store.find("default", REGISTRY) == named("of-" + username, username)

    def test_environments_are_apart(self) -> None:
        """The same address in two environments holds two credentials; names are exact."""
        store = self.make_store()
        store.put("default", {REGISTRY: named("one")})
        store.put("Default", {REGISTRY: named("two")})
        assert store.find("default", REGISTRY) == named("one")
        assert store.find("Default", REGISTRY) == named("two")
        assert store.find("other", REGISTRY) is None

    def test_the_case_of_an_address_does_not_matter(self) -> None:
        """One registry in any spelling; the answer keeps the spelling of the question."""
        store = self.make_store()
        store.put("default", {"Registry.Example:5000": named("old")})
        store.put("default", {"REGISTRY.example:5000": named("new")})
        assert store.find("default", "registry.EXAMPLE:5000") == named("new")
        assert store.find_all("default", [REGISTRY.upper()]) == {REGISTRY.upper(): named("new")}

    def test_docker_hub_is_one_registry(self) -> None:
        """Each of its names, in any case, finds what was put at another; a path is kept apart."""
        store = self.make_store()
        names = ("docker.io", "index.docker.io", "Registry-1.Docker.io")
        for put in names:
            store.put("default", {put: named(put), f"{put}/acme": named(f"{put}/acme")})
            assert store.find_all("default", names) == dict.fromkeys(names, named(put))
            assert store.find("default", "docker.io/acme") == named(f"{put}/acme")
        assert store.find("default", "index.docker.io:443") is None

    def test_addresses_are_compared_whole(self) -> None:
        """Another port, a path, a prefix and the wildcards of SQL are other registries."""
        store = self.make_store()
        store.put("default", {REGISTRY: named("one")})
        for other in ("registry.example", "registry.example:443", REGISTRY + "/team", "%", "_", ""):
            assert store.find("default", other) is None

    def test_one_put_serves_many_registries(self) -> None:
        """Thousands of registries in one call are all there, and nothing else."""
        store = self.make_store()
        credentials = {f"r{number}.example": named(f"s{number}") for number in range(2000)}
        store.put("default", credentials)
        assert store.find_all("default", [*credentials, "absent.example"]) == credentials

    def test_to_put_nothing_is_no_fault(self) -> None:
        """An empty call changes nothing."""
        store = self.make_store()
        store.put("default", {REGISTRY: named("one")})
        store.put("default", {})
        store.put("other", {})
        assert store.find("default", REGISTRY) == named("one")

    def test_threads_lose_nothing(self) -> None:
        """Puts from many threads, into a new environment, all arrive; readers see whole states."""
        store = self.make_store()
        both = ("left.example", "right.example")

        def work(thread: int) -> None:
            for turn in range(5):
                secret = named(f"{thread}-{turn}", f"user-{thread}")
                store.put("default", dict.fromkeys((*both, f"r{thread}.example"), secret))
                seen = store.find_all("default", both)
                assert seen[both[0]] == seen[both[1]]

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        for thread in range(8):
            latest = named(f"{thread}-4", f"user-{thread}")
            assert store.find("default", f"r{thread}.example") == latest

    def test_it_shows_no_secret(self) -> None:
        """Neither the store nor what it finds prints a secret."""
        store = self.make_store()
        store.put("default", {REGISTRY: named("canary-secret")})
        shown = repr(store) + repr(store.find("default", REGISTRY))
        assert "canary-secret" not in shown
