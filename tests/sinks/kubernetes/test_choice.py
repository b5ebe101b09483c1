"""Which namespaces and service accounts are meant."""

from typing import Any

import pytest

from refresher.sinks.kubernetes.choice import Accounts, Namespaces

ALL = ("shop", "shop-a", "shop-b", "kube-system", "default", "shopping")


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({"names": ("shop",)}, ["shop"]),
        ({"names": ("shop-*",)}, ["shop-a", "shop-b"]),
        ({"names": ("shop-?", "default")}, ["shop-a", "shop-b", "default"]),
        ({"names": ("shop-[!a]",)}, ["shop-b"]),
        ({"regex": ("shop",)}, ["shop"]),
        ({"regex": ("shop|default",)}, ["shop", "default"]),
        (
            {"regex": ("shop.*",), "names": ("default",)},
            ["shop", "shop-a", "shop-b", "default", "shopping"],
        ),
        (
            {"names": ("*",), "exclude": ("kube-*", "default")},
            ["shop", "shop-a", "shop-b", "shopping"],
        ),
        ({"exclude": ("shop*",)}, ["kube-system", "default"]),
        ({"names": ("shop",), "exclude": ("shop",)}, []),
        ({"labels": "env=prod"}, list(ALL)),
        ({"names": ("*",)}, list(ALL)),
    ],
    ids=str,
)
def test_names_are_matched_from_end_to_end(given: dict[str, Any], fits: list[str]) -> None:
    """By pattern and by regular expression; what is excluded never fits."""
    chosen = Namespaces(**given)
    assert sorted(each for each in ALL if chosen.fits(each)) == sorted(fits)


@pytest.mark.parametrize(
    ("given", "fixed"),
    [
        ({"names": ("a", "b")}, ("a", "b")),
        ({"names": ("a", "b"), "exclude": ("b",)}, ("a",)),
        ({"names": ("a", "b*")}, ()),
        ({"names": ("a",), "regex": ("b",)}, ()),
        ({"names": ("a",), "labels": "x=y"}, ()),
        ({"exclude": ("a",)}, ()),
    ],
    ids=str,
)
def test_only_names_alone_are_fixed(given: dict[str, Any], fixed: tuple[str, ...]) -> None:
    """Then nothing needs to be asked of all namespaces."""
    assert Namespaces(**given).fixed == fixed


def test_namespaces_are_told_alike_in_any_order() -> None:
    """So two sinks over the same are known."""
    one = Namespaces(("b", "a"), ("x",), "env=prod", ("c",))
    assert str(one) == "a, b, regex x, labels env=prod, all but c"
    assert str(Namespaces(("a", "b"), ("x",), "env=prod", ("c",))) == str(one)


@pytest.mark.parametrize(
    ("accounts", "queries", "awaited"),
    [
        (Accounts(), (), ""),
        (Accounts(everyone=True), ({},), "default"),
        (Accounts(labels="x=y"), ({"labelSelector": "x=y"},), ""),
        (Accounts(("default",)), ({"fieldSelector": "metadata.name=default"},), "default"),
        (
            Accounts(("a", "b")),
            ({"fieldSelector": "metadata.name=a"}, {"fieldSelector": "metadata.name=b"}),
            "",
        ),
    ],
    ids=str,
)
def test_accounts_are_listed_as_narrowly_as_can_be(
    accounts: Accounts, queries: tuple[object, ...], awaited: str
) -> None:
    """By name, so that a role can name them."""
    assert (accounts.queries, accounts.awaited, bool(accounts)) == (queries, awaited, bool(queries))
