"""What every registry page must do with registries."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from refresher.errors import PermanentError
from refresher.model.registered import RowState
from tests.store.contracts.page import (
    ENVIRONMENT,
    HUB_NAMES,
    STEPS,
    WAY_TO,
    PageContract,
    add,
    page_of,
    shown,
)
from tests.store.contracts.samples import CREDENTIALS, NOW, REGISTRY, named


class RegistriesPageContract(PageContract):
    """The registries of the registry page."""

    def test_a_registry_is_added_without_a_credential(self) -> None:
        """It is active and empty, in its environment alone, and nothing is in use."""
        backend = self.make_backend()
        page = page_of(backend)
        page.add_environment("other")
        added = page.add_registry(ENVIRONMENT, REGISTRY)
        assert (added.address, added.state, added.credentials) == (REGISTRY, RowState.ACTIVE, ())
        assert shown(page) == added
        assert page.registries(ENVIRONMENT) == [added]
        assert page.registries("other") == []
        assert backend.store.find(ENVIRONMENT, REGISTRY) is None
        assert backend.store.obstacles(ENVIRONMENT, [REGISTRY]) == {}

    def test_a_registry_is_added_with_a_credential(self) -> None:
        """Every field comes back to people, but for the secret, and to whoever pulls."""
        backend = self.make_backend()
        added = page_of(backend).add_registry(ENVIRONMENT, REGISTRY, CREDENTIALS["whole"])
        (credential,) = added.credentials
        assert (credential.username, credential.email) == ("AWS", "a@b.example")
        assert (credential.issued_at, credential.expires_at) == (NOW, NOW)
        assert credential.state is RowState.ACTIVE
        assert credential.created == credential.updated == added.created
        assert "s3cret" not in repr(added)
        assert backend.store.find(ENVIRONMENT, REGISTRY) == CREDENTIALS["whole"]

    def test_a_credential_that_can_not_be_used_adds_nothing(self) -> None:
        """A registry is added with its credential or not at all."""
        page = page_of(self.make_backend())
        for bad in (named(""), named("line\nbreak"), named("x", "a:b"), named("x", "")):
            with pytest.raises(PermanentError):
                page.add_registry(ENVIRONMENT, REGISTRY, bad)
        assert page.registries(ENVIRONMENT, removed=True) == []

    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("Registry.Example:5000", "Registry.Example:5000"),
            ("https://quay.io/", "quay.io"),
            (" 192.168.5.0 ", "192.168.5.0"),
            ("[2001:DB8::1]:5000", "[2001:DB8::1]:5000"),
            *((name, "index.docker.io") for name in HUB_NAMES),
        ],
    )
    def test_an_address_is_kept_as_typed(self, typed: str, kept: str) -> None:
        """Its case stays, scheme and slashes go, and Docker Hub has one name."""
        page = page_of(self.make_backend())
        assert page.add_registry(ENVIRONMENT, typed).address == kept
        assert page.registry(ENVIRONMENT, typed.upper()).address == kept

    @pytest.mark.parametrize("address", ["", "quay.io/acme", "a b", "user:hunter2@quay.io", "h:0"])
    def test_what_is_no_address_is_refused(self, address: str) -> None:
        """Nothing is added, and no password is repeated."""
        page = page_of(self.make_backend())
        with pytest.raises(PermanentError) as caught:
            page.add_registry(ENVIRONMENT, address)
        assert "hunter2" not in str(caught.value)
        assert page.registries(ENVIRONMENT) == []

    @pytest.mark.parametrize("again", [REGISTRY, REGISTRY.upper(), f"https://{REGISTRY}/v2/"])
    def test_an_address_is_there_once(self, again: str) -> None:
        """In any spelling; the error says what to do instead, and nothing changes."""
        backend = self.make_backend()
        page = page_of(backend)
        page.add_registry(ENVIRONMENT, "Registry.Example:5000", named("first"))
        page.set_registry(ENVIRONMENT, REGISTRY, RowState.INACTIVE)
        before = page.registries(ENVIRONMENT)
        with pytest.raises(PermanentError, match=r"Registry\.Example:5000 .* is there") as caught:
            page.add_registry(ENVIRONMENT, again, named("second"))
        assert "inactive" in str(caught.value)
        assert "refresher registry credential add" in caught.value.hint
        assert page.registries(ENVIRONMENT) == before

    def test_docker_hub_is_there_once(self) -> None:
        """Whoever adds it, a sink or a person, by whatever name, means one registry."""
        backend = self.make_backend()
        page = page_of(backend)
        backend.store.put(ENVIRONMENT, {"docker.io": named("of-the-sink")})
        for name in HUB_NAMES:
            with pytest.raises(PermanentError, match=r"registry index\.docker\.io"):
                page.add_registry(ENVIRONMENT, name)
            assert page.registry(ENVIRONMENT, name).address == "index.docker.io"
            assert backend.store.find(ENVIRONMENT, name) == named("of-the-sink")
        assert backend.store.find_all(ENVIRONMENT, ["docker.io"]) == {
            "docker.io": named("of-the-sink")
        }
        page.set_registry(ENVIRONMENT, "docker.io", RowState.INACTIVE)
        assert set(backend.store.obstacles(ENVIRONMENT, ["docker.io"])) == {"docker.io"}

    def test_registries_are_listed_by_address(self) -> None:
        """The case of letters does not matter; what is removed is listed if asked for."""
        page = page_of(self.make_backend())
        for address in ("b.example", "C.example", "a.example:5000", "A.example"):
            page.add_registry(ENVIRONMENT, address)
        for state in (RowState.INACTIVE, RowState.REMOVED):
            page.set_registry(ENVIRONMENT, "b.example", state)
        listed = [each.address for each in page.registries(ENVIRONMENT)]
        assert listed == ["A.example", "a.example:5000", "C.example"]
        states = {each.address: each.state for each in page.registries(ENVIRONMENT, removed=True)}
        assert states == dict.fromkeys(listed, RowState.ACTIVE) | {"b.example": RowState.REMOVED}

    def test_what_is_not_there_is_told(self) -> None:
        """The error names the environment and the address."""
        page = page_of(self.make_backend())
        page.add_registry(ENVIRONMENT, "other.example")
        for call in (
            lambda: shown(page),
            lambda: page.set_registry(ENVIRONMENT, REGISTRY, RowState.INACTIVE),
            lambda: add(page, "secret"),
        ):
            with pytest.raises(PermanentError, match=f"default has no registry {REGISTRY}"):
                call()

    @pytest.mark.parametrize(("start", "wanted", "outcome"), STEPS)
    def test_a_registry_takes_the_steps_that_there_are(
        self, start: str, wanted: str, outcome: str
    ) -> None:
        """Each state leads to the states that it allows; any other step changes nothing."""
        backend = self.make_backend()
        page = page_of(backend)
        page.add_registry(ENVIRONMENT, REGISTRY, named("secret"))
        for step in WAY_TO[RowState(start)]:
            page.set_registry(ENVIRONMENT, REGISTRY, step)
        (before,) = page.registries(ENVIRONMENT, removed=True)
        if outcome in ("changed", "nothing"):
            after = page.set_registry(ENVIRONMENT, REGISTRY.upper(), RowState(wanted))
            assert (after.id, after.state) == (before.id, wanted)
        else:
            with pytest.raises(PermanentError, match=f"{REGISTRY} of environment default") as told:
                page.set_registry(ENVIRONMENT, REGISTRY, RowState(wanted))
            assert outcome in told.value.hint
            after = before
        assert page.registries(ENVIRONMENT, removed=True) == [after]
        assert (outcome == "changed") is (after != before)
        in_use = backend.store.find(ENVIRONMENT, REGISTRY)
        assert in_use == (named("secret") if after.state == "active" else None)

    def test_a_removed_registry_takes_no_change(self) -> None:
        """It is history: it is neither shown nor edited."""
        page = page_of(self.make_backend())
        (credential,) = page.add_registry(ENVIRONMENT, REGISTRY, named("secret")).credentials
        for state in (RowState.INACTIVE, RowState.REMOVED):
            page.set_registry(ENVIRONMENT, REGISTRY, state)
        for call in (
            lambda: shown(page),
            lambda: add(page, "secret"),
            lambda: page.edit_credential(ENVIRONMENT, REGISTRY, credential.id, username="x"),
            lambda: page.set_credential(ENVIRONMENT, REGISTRY, credential.id, RowState.ACTIVE),
        ):
            with pytest.raises(PermanentError, match=f"{REGISTRY} .* is removed"):
                call()

    @pytest.mark.parametrize("by", ["person", "sink"])
    def test_a_removed_address_is_added_again(self, by: str) -> None:
        """By a person or a sink: it is another registry, and nothing of the old one is in use."""
        backend = self.make_backend()
        page = page_of(backend)
        first = page.add_registry(ENVIRONMENT, REGISTRY, named("old"))
        for state in (RowState.INACTIVE, RowState.REMOVED):
            page.set_registry(ENVIRONMENT, REGISTRY, state)
        if by == "person":
            page.add_registry(ENVIRONMENT, REGISTRY.upper())
            assert backend.store.find(ENVIRONMENT, REGISTRY) is None
        else:
            backend.store.put(ENVIRONMENT, {REGISTRY: named("new")})
            assert backend.store.find(ENVIRONMENT, REGISTRY) == named("new")
        second = shown(page)
        assert second.id != first.id
        old, new = page.registries(ENVIRONMENT, removed=True)
        assert (old.id, old.state, old.credentials) == (first.id, RowState.REMOVED, ())
        assert new == second

    def test_the_state_of_a_registry_leaves_its_credentials(self) -> None:
        """Who deactivates and activates a registry finds its credentials as they were."""
        backend = self.make_backend()
        page = page_of(backend)
        page.add_registry(ENVIRONMENT, REGISTRY, named("one"))
        idle = add(page, "two", "acme")
        page.set_credential(ENVIRONMENT, REGISTRY, idle.id, RowState.INACTIVE)
        before = shown(page)
        off = page.set_registry(ENVIRONMENT, REGISTRY, RowState.INACTIVE)
        assert off.credentials == before.credentials
        assert off.in_use() is None
        assert page.set_registry(ENVIRONMENT, REGISTRY, RowState.ACTIVE) == before

    def test_of_many_who_add_one_address_one_succeeds(self) -> None:
        """Threads that add the same address in several cases make one registry, whole."""
        backend = self.make_backend()
        page = page_of(backend)

        def work(thread: int) -> bool:
            address = REGISTRY.upper() if thread % 2 else REGISTRY
            with suppress(PermanentError):
                page.add_registry(ENVIRONMENT, address, named(str(thread)))
                return True
            return False

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(work, range(8)))
        assert won.count(True) == 1
        (registry,) = page.registries(ENVIRONMENT)
        assert len(registry.credentials) == 1
        assert backend.store.find(ENVIRONMENT, REGISTRY) == named(str(won.index(True)))

    def test_threads_that_change_states_leave_a_state(self) -> None:
        """However they come between each other, no step is taken from a state that forbids it."""
        page = page_of(self.make_backend())
        page.add_registry(ENVIRONMENT, REGISTRY, named("secret"))

        def work(thread: int) -> None:
            states = list(RowState)
            for turn in range(6):
                with suppress(PermanentError):
                    page.set_registry(ENVIRONMENT, REGISTRY, states[(thread + turn) % 3])
                with suppress(PermanentError):
                    page.add_registry(ENVIRONMENT, REGISTRY, named("secret"))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        every = page.registries(ENVIRONMENT, removed=True)
        assert sum(each.state is not RowState.REMOVED for each in every) == 1
        for each in every:
            assert len(each.credentials) == (each.state is not RowState.REMOVED)
