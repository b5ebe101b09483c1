"""No form of a secret or a token is in any log, error, note or representation."""

import logging
from pathlib import Path

import pytest

from refresher.errors import RefresherError
from refresher.testing import FakeClock
from tests.doubles.kubernetes import Fault, KubernetesDouble
from tests.doubles.kubernetes.faults import cut, garbage, reset, status, torn
from tests.doubles.kubernetes.message import Answer
from tests.observe.canary import forms, leaks
from tests.sinks.kubernetes.cluster import Cluster, entry
from tests.sinks.kubernetes.conftest import QUAY, changes, sink

CANARY = 'canary-"secret"/with+signs%and:more'


def echo(code: int) -> Fault:
    """Return an answer that repeats what it was sent, wherever it can."""
    document = {
        "kind": "Status",
        "message": f'admission webhook "a" said {CANARY}, failed calling webhook {CANARY}',
        "reason": CANARY,
        "details": {
            "name": CANARY,
            "causes": [{"field": CANARY, "reason": CANARY, "message": CANARY}],
        },
        "metadata": {"name": CANARY},
        "data": {".dockerconfigjson": CANARY},
    }
    return Fault(Answer.of(document, code, Location=f"https://x/{CANARY}"))


FAULTS = {
    "none": None,
    "reset": reset(),
    "applied, and reset": reset(applied=True),
    "cut": cut(),
    "torn": torn(),
    "garbage": garbage(f'{{"data": "{CANARY}"'),
    "in words": status(403, "Forbidden", f'User "{CANARY}" cannot create'),
    **{
        f"echo {code}": echo(code)
        for code in (200, 201, 302, 400, 401, 403, 404, 409, 422, 429, 500)
    },
}


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_happens_nothing_is_shown(
    cluster: Cluster,
    kube: KubernetesDouble,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    name: str,
) -> None:
    """Made, changed, adopted or refused, with every logger at DEBUG."""
    token = kube.admin()
    names = [cluster.add(each) for each in ("new", "held", "foreign")]
    cluster.add_secret(names[1], {f"https://u:{CANARY}@b.example": entry("u", CANARY)})
    cluster.add_secret(names[2], {"b.example": {"auth": CANARY}})
    config = kube.kubeconfig(tmp_path / "config", token)
    shown: list[object] = []
    fault = FAULTS[name]
    if fault is not None:
        kube.fail(fault, None, resource="secrets")
        kube.fail(fault, None, resource="serviceaccounts")
    with caplog.at_level(logging.DEBUG):
        given = {"kubeconfig": str(config), "namespaces": cluster.all, "service_accounts": "all"}
        for adopt in (False, True):
            made = sink({**given, "adopt": adopt}, FakeClock())
            shown += [made, made.occupies(), made.server]
            for _ in range(2):
                try:
                    shown.append(made.read([QUAY, "b.example"]))
                except RefresherError as error:
                    shown += [error, error.hint, error.__context__]
                shown += [
                    made.write(each, changes(QUAY, "b.example", secret=CANARY)) for each in names
                ]
            shown += made.advise([QUAY])
    output = caplog.text + "".join(f"{each!r}{each}" for each in shown)
    secrets = {**forms(CANARY), "token": token, "header": f"Bearer {token}"}
    assert {
        what: leaks(output, text) for what, text in secrets.items() if leaks(output, text)
    } == {}


def test_an_error_holds_no_request(cluster: Cluster, kube: KubernetesDouble) -> None:
    """Nothing of what was sent hangs on its chain, for whoever prints that."""
    made = sink({"kubeconfig": str(cluster.kubeconfig), "namespaces": "*"}, FakeClock())
    with kube.down(), pytest.raises(RefresherError) as caught:
        made.read([QUAY])
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
