"""What every keeper of records must do."""

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor

import pytest

from refresher.model.credential import Secret
from refresher.model.lease import Lease
from refresher.model.plan import Delivery
from refresher.ports import Place, Records
from tests.store.contracts.samples import DELIVERIES, LEASES


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
