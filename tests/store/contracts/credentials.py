"""What every registry page must do with the credentials of a registry."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from refresher.errors import PermanentError
from refresher.model.credential import UNKNOWN, Secret
from refresher.model.registered import PREFERENCE, Preference, Registered, RowState
from refresher.ports import StoredCredential
from refresher.ports.registries import Registries
from refresher.store import Backend
from refresher.testing import NASTY_SECRETS
from tests.store.contracts.page import (
    ENVIRONMENT,
    STEPS,
    WAY_TO,
    PageContract,
    add,
    page_of,
    shown,
)
from tests.store.contracts.samples import CREDENTIALS, REGISTRY, named

WHOLE = CREDENTIALS["whole"]


class CredentialsContract(PageContract):
    """The credentials of the registry page."""

    def _page(self, first: StoredCredential | None = None) -> tuple[Backend, Registries]:
        backend = self.make_backend()
        page = page_of(backend)
        page.add_registry(ENVIRONMENT, REGISTRY, first)
        return backend, page

    @pytest.mark.parametrize("preference", list(Preference))
    def test_one_of_the_active_credentials_is_in_use(self, preference: Preference) -> None:
        """The one added last, or first where a setting says so; what is inactive is passed over."""
        backend, page = self._page()
        page.set_setting(PREFERENCE, preference)
        numbers = [add(page, name, name).id for name in ("one", "two", "three")]
        assert [each.id for each in shown(page).credentials] == numbers[::-1]
        order = numbers[::-1] if preference is Preference.NEWEST else numbers
        for number in order:
            expected = shown(page).in_use(preference)
            assert expected is not None
            assert expected.id == number
            found = backend.store.find(ENVIRONMENT, REGISTRY)
            assert found == named(expected.username, expected.username)
            page.set_credential(ENVIRONMENT, REGISTRY, number, RowState.INACTIVE)
        assert shown(page).in_use(preference) is None
        assert backend.store.find(ENVIRONMENT, REGISTRY) is None
        assert set(backend.store.obstacles(ENVIRONMENT, [REGISTRY])) == {REGISTRY}

    @pytest.mark.parametrize("preference", list(Preference))
    def test_what_a_sink_puts_is_in_use(self, preference: Preference) -> None:
        """Under either preference, in the user's own row, whoever else was or is added."""
        backend, page = self._page(named("by hand", "acme"))
        page.set_setting(PREFERENCE, preference)
        numbers = set()
        for turn, user in enumerate(["AWS", "AWS", "other", "AWS", "acme", "AWS"]):
            put = named(f"secret-{turn}", user)
            backend.store.put(ENVIRONMENT, {REGISTRY: put})
            assert backend.store.find(ENVIRONMENT, REGISTRY) == put
            in_use = shown(page).in_use(preference)
            assert in_use is not None
            numbers.add((in_use.username, in_use.id))
        assert len(numbers) == len(shown(page).credentials) == 3

    def test_the_preference_can_be_changed(self) -> None:
        """It decides at once, and what a sink puts then is in use again."""
        backend, page = self._page(named("old", "acme"))
        backend.store.put(ENVIRONMENT, {REGISTRY: named("new")})
        page.set_setting(PREFERENCE, "oldest")
        assert backend.store.find(ENVIRONMENT, REGISTRY) == named("old", "acme")
        backend.store.put(ENVIRONMENT, {REGISTRY: named("new")})
        assert backend.store.find(ENVIRONMENT, REGISTRY) == named("new")
        page.set_setting(PREFERENCE, "")
        assert backend.store.find(ENVIRONMENT, REGISTRY) == named("old", "acme")

    def test_a_renewal_leaves_the_order(self) -> None:
        """What is in use is renewed in its place: its row, its number and the others stay."""
        backend, page = self._page(named("old", "acme"))
        backend.store.put(ENVIRONMENT, {REGISTRY: named("one")})
        before = shown(page).credentials
        backend.store.put(ENVIRONMENT, {REGISTRY: named("two")})
        after = shown(page).credentials
        assert [each.id for each in after] == [each.id for each in before]
        assert after[0].created == before[0].created
        assert after[0].updated > before[0].updated

    def test_a_user_may_have_several_credentials(self) -> None:
        """People may add one beside another of the same user name."""
        backend, page = self._page(named("one"))
        second = add(page, "two")
        assert backend.store.find(ENVIRONMENT, REGISTRY) == named("two")
        page.set_credential(ENVIRONMENT, REGISTRY, second.id, RowState.INACTIVE)
        assert backend.store.find(ENVIRONMENT, REGISTRY) == named("one")
        backend.store.put(ENVIRONMENT, {REGISTRY: named("renewed")})
        assert backend.store.find(ENVIRONMENT, REGISTRY) == named("renewed")
        assert shown(page).credentials[0].state is RowState.INACTIVE

    def test_nasty_secrets_come_back_unchanged(self) -> None:
        """Quotes, spaces, other scripts and length survive, added or edited."""
        backend, page = self._page()
        for secret in NASTY_SECRETS:
            number = add(page, secret, "user \N{SNOWMAN}").id
            assert backend.store.find(ENVIRONMENT, REGISTRY) == named(secret, "user \N{SNOWMAN}")
            edited = Secret(secret[::-1])
            page.edit_credential(ENVIRONMENT, REGISTRY, number, secret=edited)
            found = backend.store.find(ENVIRONMENT, REGISTRY)
            assert found is not None
            assert found.secret == edited

    @pytest.mark.parametrize(
        ("given", "changed"),
        [
            ({}, {}),
            ({"email": "new@b.example"}, {"email": "new@b.example"}),
            ({"email": ""}, {"email": None}),
            ({"email": WHOLE.email, "username": WHOLE.username}, {}),
            ({"username": "acme"}, {"username": "acme", "issued_at": None, "expires_at": UNKNOWN}),
            ({"secret": Secret("new")}, {"issued_at": None, "expires_at": UNKNOWN}),
            (
                {"secret": Secret("new"), "username": "acme", "email": "x"},
                {"username": "acme", "email": "x", "issued_at": None, "expires_at": UNKNOWN},
            ),
        ],
        ids=["nothing", "email", "no-email", "the-same", "username", "secret", "all"],
    )
    def test_an_edit_changes_what_is_given(
        self, given: Mapping[str, Any], changed: Mapping[str, object]
    ) -> None:
        """And nothing else: neither the age, the state and the row, nor what is not given."""
        backend, page = self._page(WHOLE)
        number = shown(page).credentials[0].id
        add(page, "younger", "other")
        before = _fields(shown(page))
        edited = page.edit_credential(ENVIRONMENT, REGISTRY, number, **given)
        after = _fields(shown(page))
        assert after[0] == before[0]
        updated = {"updated": edited.updated} if changed else {}
        assert after[1] == {**before[1], **changed, **updated}
        assert (edited.updated > edited.created) is bool(changed)
        page.set_credential(ENVIRONMENT, REGISTRY, after[0]["id"], RowState.INACTIVE)
        found = backend.store.find(ENVIRONMENT, REGISTRY)
        assert found is not None
        assert found.secret == given.get("secret", WHOLE.secret)
        assert found.username == after[1]["username"]

    @pytest.mark.parametrize(
        "given",
        [
            {"username": ""},
            {"username": "a:b"},
            {"username": "a\tb"},
            {"secret": Secret("")},
            {"secret": Secret("canary\n")},
            {"secret": Secret("canary\udc80")},
            {"email": "a\x1b[2J"},
        ],
    )
    def test_what_no_client_could_use_is_refused(self, given: Mapping[str, Any]) -> None:
        """Neither an edit nor an addition takes it, and the secret is not repeated."""
        _, page = self._page(WHOLE)
        before = shown(page)
        whole = {"username": "x", "secret": Secret("x"), **given}
        with pytest.raises(PermanentError) as caught:
            page.edit_credential(ENVIRONMENT, REGISTRY, before.credentials[0].id, **given)
        with pytest.raises(PermanentError):
            page.add_credential(ENVIRONMENT, REGISTRY, StoredCredential(**whole))
        assert "canary" not in f"{caught.value} {caught.value.hint}"
        assert shown(page) == before

    @pytest.mark.parametrize(("start", "wanted", "outcome"), STEPS)
    def test_a_credential_takes_the_steps_that_there_are(
        self, start: str, wanted: str, outcome: str
    ) -> None:
        """Each state leads to the states that it allows; any other step changes nothing."""
        backend, page = self._page(named("older", "acme"))
        number = add(page, "secret").id
        for step in WAY_TO[RowState(start)]:
            page.set_credential(ENVIRONMENT, REGISTRY, number, step)
        before = shown(page)
        if outcome in ("changed", "nothing"):
            after = page.set_credential(ENVIRONMENT, REGISTRY, number, RowState(wanted))
            assert (after.id, after.state) == (number, wanted)
        else:
            with pytest.raises(PermanentError, match=f"credential {number} at registry") as told:
                page.set_credential(ENVIRONMENT, REGISTRY, number, RowState(wanted))
            assert outcome in told.value.hint
        assert (outcome == "changed") is (shown(page) != before)
        state = wanted if outcome == "changed" else start
        listed = {each.id: each.state for each in shown(page).credentials}
        assert listed.get(number, RowState.REMOVED) == state
        in_use = named("secret") if state == "active" else named("older", "acme")
        assert backend.store.find(ENVIRONMENT, REGISTRY) == in_use

    def test_a_removed_credential_takes_no_change(self) -> None:
        """It is history; a sink that puts its user makes another one."""
        backend, page = self._page(named("old"))
        number = shown(page).credentials[0].id
        for state in (RowState.INACTIVE, RowState.REMOVED):
            page.set_credential(ENVIRONMENT, REGISTRY, number, state)
        with pytest.raises(PermanentError, match=f"credential {number} at registry .* is removed"):
            page.edit_credential(ENVIRONMENT, REGISTRY, number, email="a@b.example")
        backend.store.put(ENVIRONMENT, {REGISTRY: named("new")})
        assert shown(page).credentials[0].id != number

    def test_a_credential_of_another_registry_is_not_there(self) -> None:
        """A number is looked for at its registry alone."""
        _, page = self._page(named("here"))
        number = page.add_registry(ENVIRONMENT, "other.example", named("there")).credentials[0].id
        for wrong in (number, 0, 2**40, 2**70):
            with pytest.raises(PermanentError, match=f"{REGISTRY} .* has no credential"):
                page.edit_credential(ENVIRONMENT, REGISTRY, wrong, username="x")
            with pytest.raises(PermanentError, match=f"{REGISTRY} .* has no credential"):
                page.set_credential(ENVIRONMENT, REGISTRY, wrong, RowState.INACTIVE)

    def test_a_deactivation_is_respected(self) -> None:
        """A sink neither wakes a user's credential nor a registry that a person deactivated."""
        backend, page = self._page(named("one"))
        number = shown(page).credentials[0].id
        page.set_credential(ENVIRONMENT, REGISTRY, number, RowState.INACTIVE)
        with pytest.raises(PermanentError, match="is inactive"):
            backend.store.put(ENVIRONMENT, {REGISTRY: named("two")})
        page.set_credential(ENVIRONMENT, REGISTRY, number, RowState.ACTIVE)
        page.set_registry(ENVIRONMENT, REGISTRY, RowState.INACTIVE)
        with pytest.raises(PermanentError, match="is inactive"):
            backend.store.put(ENVIRONMENT, {REGISTRY: named("two")})
        page.set_registry(ENVIRONMENT, REGISTRY, RowState.ACTIVE)
        assert backend.store.find(ENVIRONMENT, REGISTRY) == named("one")

    def test_threads_lose_no_credential(self) -> None:
        """People and sinks that write one registry at once all have their rows, in one order."""
        backend, page = self._page()

        def work(thread: int) -> list[int]:
            for turn in range(4):
                backend.store.put(ENVIRONMENT, {REGISTRY: named(f"{thread}-{turn}", f"u{thread}")})
            return [add(page, str(turn), f"p{thread}").id for turn in range(4)]

        with ThreadPoolExecutor(6) as pool:
            numbers = [number for made in pool.map(work, range(6)) for number in made]
        listed = [each.id for each in shown(page).credentials]
        assert len(set(listed)) == len(listed) == 6 + 24
        assert set(numbers) < set(listed)


def _fields(registered: Registered) -> list[dict[str, Any]]:
    names = type(registered.credentials[0]).__slots__
    return [{name: getattr(each, name) for name in names} for each in registered.credentials]
