"""From an address to sockets."""

import errno
import socket

import pytest

from refresher.model.listen import ListenAddress
from refresher.observe.web.binding import bind, explain
from tests.observe.web.serving import descriptors

LOOPBACKS = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def _families() -> set[socket.AddressFamily]:
    """Return the families that this host has an address of."""
    families = set()
    for family, loopback in LOOPBACKS.items():
        try:
            socket.create_server((loopback, 0), family=family).close()
        except OSError:
            continue
        families.add(family)
    return families


@pytest.mark.parametrize("host", ["", "localhost"])
def test_all_that_a_host_stands_for_is_listened_on(host: str) -> None:
    """Whatever family a client comes by; one that this host has not is left out."""
    sockets = bind(ListenAddress(host, 0))
    try:
        assert {each.family for each in sockets} <= _families()
        for each in sockets:
            where = (LOOPBACKS[each.family], each.getsockname()[1])
            socket.create_connection(where, 5).close()
        if not host:
            assert {each.family for each in sockets} == _families()
    finally:
        for each in sockets:
            each.close()


def test_a_port_that_is_taken_is_an_error() -> None:
    """Nothing stays open then, and the port is told to be in use."""
    (taken,) = bind(ListenAddress("127.0.0.1", 0))
    before = descriptors()
    with taken, pytest.raises(OSError, match="in use") as caught:
        bind(ListenAddress("127.0.0.1", taken.getsockname()[1]))
    assert caught.value.errno == errno.EADDRINUSE
    assert descriptors() < before


def test_a_port_that_is_taken_for_one_family_is_an_error() -> None:
    """Half of an address would be somebody else's; nothing of the other half stays open."""
    for family in _families():
        (taken,) = bind(ListenAddress(LOOPBACKS[family], 0))
        before = descriptors()
        with taken, pytest.raises(OSError, match="in use"):
            bind(ListenAddress("", taken.getsockname()[1]))
        assert descriptors() < before


def test_an_address_of_another_host_is_an_error() -> None:
    """It is none of ours (RFC 5737, section 3)."""
    with pytest.raises(OSError, match="assign") as caught:
        bind(ListenAddress("192.0.2.1", 0))
    assert caught.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize(
    ("error", "reason", "hint"),
    [
        (OSError(errno.EADDRINUSE, "x"), "Address already in use", "another port"),
        (OSError(errno.EACCES, "x"), "Permission denied", "below 1024"),
        (OSError(errno.EADDRNOTAVAIL, "x"), "Cannot assign requested address", "does not have"),
        (OSError(errno.EMFILE, "x"), "Too many open files", ""),
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "Name or service not known",
            "a name or an address of this host",
        ),
        (OSError("odd"), "odd", ""),
    ],
    ids=["in-use", "denied", "elsewhere", "descriptors", "unknown-name", "odd"],
)
def test_a_failure_is_explained(error: OSError, reason: str, hint: str) -> None:
    """With its reason in the system's words, and what to do where that is known."""
    said, advice = explain(error)
    assert said == reason
    assert hint in advice
