"""No form of a secret or a key is in any log, error, note or representation."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from refresher.errors import RefresherError
from refresher.testing import FakeClock
from tests.doubles.rancher import Fault, RancherDouble
from tests.doubles.rancher.faults import conflict, cut, garbage, invalid, lost_write, refusal, reset
from tests.doubles.rancher.message import Answer
from tests.observe.canary import forms, leaks
from tests.sinks.rancher.conftest import QUAY, MakeSink, changes, sink

CANARY = 'canary-"secret"/with+signs%and:more'


@contextmanager
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Make all loggers as talkative as they can be."""
    names = ("", "urllib3", "urllib3.connectionpool", "requests", "http.client")
    with caplog.at_level(logging.DEBUG):
        for name in names:
            caplog.set_level(logging.DEBUG, name)
        yield


def echo(status: int) -> Fault:
    """Return an answer that repeats what it was sent, as Rancher's to POST do."""
    document = {
        "type": "error",
        "code": CANARY,
        "message": CANARY,
        "fieldName": CANARY,
        "secretValue": CANARY,
        "id": CANARY,
    }
    return Fault(Answer(status, document, {"Location": f"http://x/{CANARY}"}))


FAULTS = {
    "none": None,
    "conflict": conflict(),
    "too long": invalid("MaxLengthExceeded", "secretValue"),
    "reset": reset(),
    "lost": lost_write(),
    "cut": cut(),
    "garbage": garbage(f'{{"secretValue": "{CANARY}"'),
    **{f"echo {status}": echo(status) for status in (200, 201, 302, 400, 401, 403, 405, 422, 500)},
    "refused": refusal(401),
}


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_happens_nothing_is_shown(
    rancher: RancherDouble,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    """Made, changed, activated or refused, with every logger at DEBUG."""
    project = rancher.add_project("production")
    registry = rancher.add_registry(project, "b.example")
    for number in range(2):
        rancher.add_credential(registry, f"user-{number}", "old")
    key = rancher.environment_key(project)
    fault = FAULTS[name]
    for method in ("POST", "PUT") if fault else ():
        assert fault is not None
        rancher.fail(fault, None, method=method)
    options = {"url": rancher.url, "create": True, "activate": True}
    shown: list[object] = []
    with everything_logged(caplog):
        made = sink(options, key.pair, clock)
        shown.append(made)
        for registries in ((QUAY,), ("b.example",), (QUAY, "b.example")):
            shown.append(made.write(project, changes(*registries, secret=CANARY)))
            shown.append(made.read([QUAY, "b.example"]))
        shown.append(made.advise([QUAY]))
    assert "urllib3" in caplog.text
    output = caplog.text + "".join(map(repr, shown))
    pair = ":".join(key.pair)
    secrets = {**forms(CANARY), **forms(key.secret, key.access), "access": key.access, "pair": pair}
    assert {
        what: leaks(output, text) for what, text in secrets.items() if leaks(output, text)
    } == {}


def test_an_error_holds_no_request(rancher: RancherDouble, make: MakeSink) -> None:
    """Nothing of what was sent hangs on its chain, for whoever prints that."""
    made = make(environments="all")
    with rancher.down(), pytest.raises(RefresherError) as caught:
        made.read([QUAY])
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
