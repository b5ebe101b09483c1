"""What every store, every keeper of records and every lock must do.

Inherit a class and supply its `make_...`, which is called once per test.
"""

import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from refresher.errors import LockTimeoutError
from refresher.model.credential import NEVER, UNKNOWN, Secret
from refresher.model.lease import Failure, Lease, Objection, Origin
from refresher.model.plan import Delivery
from refresher.ports import Lock, Place, Records, Store, StoredCredential
from refresher.testing import NASTY_SECRETS

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
INDIA = timezone(timedelta(hours=5, minutes=30))
REGISTRY = "registry.example:5000"

CREDENTIALS = {
    "bare": StoredCredential("AWS", Secret("s3cret-token")),
    "whole": StoredCredential("AWS", Secret("s3cret-token"), "a@b.example", NOW, NOW),
    "never": StoredCredential("acme", Secret("s3cret-token"), "", None, NEVER),
    "elsewhere": StoredCredential("acme", Secret("s3cret-token"), None, NOW.astimezone(INDIA)),
    "extremes": StoredCredential(
        "N\N{SNOWMAN}",
        Secret("s"),
        None,
        datetime(1, 1, 1, tzinfo=INDIA),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(-timedelta(hours=5))),
    ),
}

FAILURE = Failure("denied: \N{SNOWMAN} 'quoted'", NOW, 3, NOW + timedelta(minutes=5))

LEASES = {
    "empty": Lease(),
    "failed-first": Lease(origin=Origin("digest", "inputs"), failure=FAILURE),
    "whole": Lease(
        registries=("docker.io", REGISTRY),
        username="AWS",
        fingerprint=bytes(range(32)),
        issued=NOW - timedelta(seconds=1),
        received=NOW,
        expires=NOW + timedelta(hours=12),
        renew_at=NOW + timedelta(hours=6),
        origin=Origin("digest", "inputs"),
        failure=FAILURE,
    ),
    "never": Lease(("docker.io",), "acme", b"\0" * 32, NOW.astimezone(INDIA), NOW, NEVER),
    "objected-to": Lease(
        objections=(Objection("one", "it is no good"), Objection("two", "no right", refused=False))
    ),
}

DELIVERIES = {
    "empty": Delivery(),
    "written": Delivery(bytes(range(32)), NOW, NOW + timedelta(hours=12)),
    "failed": Delivery(None, None, UNKNOWN, FAILURE),
    "never": Delivery(b"\xff" * 32, NOW.astimezone(INDIA), NEVER, FAILURE),
    "repaired": Delivery(repairs=7, repaired=(NOW, NOW.astimezone(INDIA))),
}


def named(secret: str, username: str = "AWS") -> StoredCredential:
    """Return a credential of which only the user and the secret matter."""
    return StoredCredential(username, Secret(secret))


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


class RecordsContract(ABC):
    """The records. `make_records` returns empty ones."""

    @abstractmethod
    def make_records(self) -> Records:
        """Return empty records."""

    def test_empty_records_hold_nothing(self) -> None:
        """An unknown provider has an empty lease and no deliveries."""
        records = self.make_records()
        assert records.lease("prod") == Lease()
        assert records.leases() == {}
        assert records.deliveries("prod") == {}

    @pytest.mark.parametrize("lease", LEASES.values(), ids=LEASES)
    def test_a_lease_comes_back(self, lease: Lease) -> None:
        """Every field comes back, as the same value, and replaces what was there."""
        records = self.make_records()
        records.save_lease("prod", LEASES["whole"])
        records.save_lease("prod", lease)
        records.save_lease("prod/us-west-2", LEASES["never"])
        assert records.lease("prod") == lease
        assert records.leases() == {"prod": lease, "prod/us-west-2": LEASES["never"]}

    def test_deliveries_come_back(self) -> None:
        """Every field comes back by its place: sink, target and registry."""
        records = self.make_records()
        saved: dict[Place, Delivery] = {
            ("docker", "/home/\N{SNOWMAN}/config.json", name): delivery
            for name, delivery in DELIVERIES.items()
        }
        records.save_deliveries("prod", saved)
        assert records.deliveries("prod") == saved
        assert records.deliveries("other") == {}

    def test_deliveries_are_added_and_replaced_one_by_one(self) -> None:
        """A later call replaces its places, adds new ones and leaves the others."""
        records = self.make_records()
        one, two, three = (("store", "default", name) for name in ("one", "two", "three"))
        records.save_deliveries("prod", {one: DELIVERIES["failed"], two: DELIVERIES["written"]})
        records.save_deliveries("prod", {one: DELIVERIES["written"], three: DELIVERIES["never"]})
        records.save_deliveries("prod", {})
        records.save_deliveries("other", {one: DELIVERIES["empty"]})
        assert records.deliveries("prod") == {
            one: DELIVERIES["written"],
            two: DELIVERIES["written"],
            three: DELIVERIES["never"],
        }

    def test_places_are_forgotten_one_by_one(self) -> None:
        """What is no longer supplied leaves the records; the rest, and other providers', stays."""
        records = self.make_records()
        one, two = (("store", "default", name) for name in ("one", "two"))
        for provider in ("prod", "other"):
            records.save_deliveries(
                provider, {one: DELIVERIES["written"], two: DELIVERIES["never"]}
            )
        records.forget("prod", [one, ("store", "default", "never-there")])
        records.forget("nobody", [one])
        records.forget("prod", [])
        assert records.deliveries("prod") == {two: DELIVERIES["never"]}
        assert set(records.deliveries("other")) == {one, two}

    def test_answers_do_not_change_later(self) -> None:
        """What was read stays as it was read, whatever is saved afterwards."""
        records = self.make_records()
        records.save_lease("prod", LEASES["whole"])
        records.save_deliveries("prod", {("store", "a", "b"): DELIVERIES["written"]})
        leases, deliveries = records.leases(), records.deliveries("prod")
        records.save_lease("more", LEASES["never"])
        records.save_deliveries("prod", {("store", "a", "c"): DELIVERIES["written"]})
        assert set(leases) == {"prod"}
        assert set(deliveries) == {("store", "a", "b")}

    def test_equal_pairs_have_equal_fingerprints(self) -> None:
        """The same user and secret give the same 32 bytes each time."""
        records = self.make_records()
        first = records.fingerprint("AWS", Secret("token"))
        assert first == records.fingerprint("AWS", Secret("token"))
        assert len(first) == 32

    def test_different_pairs_have_different_fingerprints(self) -> None:
        """Another user, another secret, or the same text cut elsewhere differs."""
        records = self.make_records()
        pairs = [("AWS", "token"), ("AWS", "Token"), ("aws", "token"), ("AWSt", "oken")]
        pairs += [("AW", "Stoken"), ("", "AWStoken"), ("AWStoken", ""), ("\udc80", "\udc81")]
        assert len({records.fingerprint(name, Secret(text)) for name, text in pairs}) == len(pairs)

    def test_two_stores_have_different_fingerprints(self) -> None:
        """The key is drawn for each store: nobody can prepare a table of passwords."""
        prints = {self.make_records().fingerprint("AWS", Secret("token")) for _ in range(2)}
        assert len(prints) == 2

    def test_threads_lose_nothing(self) -> None:
        """Records of many threads, of the same provider too, all arrive."""
        records = self.make_records()

        def work(thread: int) -> bytes:
            for turn in range(5):
                place = ("store", f"target-{thread}", f"registry-{turn}")
                records.save_deliveries("prod", {place: DELIVERIES["written"]})
                records.save_lease(f"provider-{thread}", LEASES["whole"])
            return records.fingerprint("AWS", Secret("token"))

        with ThreadPoolExecutor(8) as pool:
            prints = set(pool.map(work, range(8)))
        assert len(prints) == 1
        assert len(records.deliveries("prod")) == 40
        assert len(records.leases()) == 8


class LockContract(ABC):
    """The lock. `make_lock` returns one that nobody holds."""

    @abstractmethod
    def make_lock(self) -> Lock:
        """Return a lock with nothing held."""

    @pytest.mark.parametrize("wait", [-1, 0, 0.1], ids=["negative", "none", "short"])
    def test_a_held_name_cannot_be_had(self, wait: float) -> None:
        """Neither another thread nor the holder's own gets it; the error names it."""
        lock = self.make_lock()
        with lock.hold("prod", 0), ThreadPoolExecutor(1) as pool:
            for attempt in (pool.submit(_try, lock, "prod", wait).result, None):
                with pytest.raises(LockTimeoutError, match="prod"):
                    attempt() if attempt else _try(lock, "prod", wait)

    def test_other_names_are_free(self) -> None:
        """Names that look alike, or like paths, are locks of their own, and stay in their place."""
        lock = self.make_lock()
        names = [
            "prod",
            "Prod",
            "prod ",
            "prod/us-west-2",
            "../prod",
            "..",
            "/",
            "",
            "\0",
            "\udc80",
        ]
        names += ["x" * 5000, "x" * 5001, "\N{SNOWMAN}", "prod.lock", "a_b", "a/b"]
        _hold_all(lock, names)

    def test_it_is_free_again_afterwards(self) -> None:
        """Both a normal end and an exception give the name back."""
        lock = self.make_lock()
        with pytest.raises(ZeroDivisionError), lock.hold("prod", 0):
            raise ZeroDivisionError
        _try(lock, "prod", 0)
        _try(lock, "prod", 0)

    def test_it_is_waited_for(self) -> None:
        """A waiting thread gets the name as soon as the holder lets go."""
        lock = self.make_lock()
        for wait in (30, float("inf")):
            started = threading.Event()

            def late(wait: float = wait, started: threading.Event = started) -> None:
                started.set()
                _try(lock, "prod", wait)

            with ThreadPoolExecutor(1) as pool:
                with lock.hold("prod", 0):
                    waiting = pool.submit(late)
                    assert started.wait(10)
                waiting.result(10)

    def test_one_thread_at_a_time(self) -> None:
        """Many threads that read, pause and write under the lock lose no step."""
        lock = self.make_lock()
        pause = threading.Event()
        count = [0]

        def step(_: int) -> None:
            with lock.hold("prod", 30):
                seen = count[0]
                pause.wait(0.001)
                count[0] = seen + 1

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(step, range(24)))
        assert count == [24]


def _try(lock: Lock, name: str, wait: float) -> None:
    with lock.hold(name, wait):
        pass


def _hold_all(lock: Lock, names: list[str]) -> None:
    if names:
        with lock.hold(names[0], 0):
            _hold_all(lock, names[1:])
