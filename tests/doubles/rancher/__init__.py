"""Rancher 1.6 (Cattle) on loopback: the API of its registries and their credentials.

    with RancherDouble() as rancher:
        project = rancher.add_project("production")
        key = rancher.environment_key(project)
        registry = rancher.add_registry(project, "quay.io")
        credential = rancher.add_credential(registry, "ann", "old")
        requests.put(f"{rancher.url}/v2-beta/registrycredentials/{credential}",
                     json={"secretValue": "new"}, auth=key.pair)
        assert rancher.pull(project, "quay.io/acme/app").credential == ("ann", "new")
        assert rancher.writes(project) == 1

It behaves as Cattle's code does, branch v1.6 (https://github.com/rancher/cattle), where the
documentation says otherwise too; `Rules` switches what differs between servers. Faults are made
by `tests.doubles.rancher.faults` and given to `RancherDouble.fail`.

Left out: all other types (hosts, stacks, services, API keys as resources), creating and changing
projects, creating and deleting settings, the settings that any user may read, links other than
`self`, `registry` and `credentials`, `include`, `_role`, collection actions, multipart bodies,
logins (a `Key` comes with a token that stands for one), CSRF cookies, websockets, passwords in the
audit log, and X-Forwarded headers (see `Rules.public_url`). By reading alone, not by trial:
an unscoped admin key lists nothing, reads any row by its id and writes none, also where access
control is off; a key of an inactive environment gets 401, as the account behind it is inactive.
"""

from tests.doubles.rancher.access import Key, KeyKind
from tests.doubles.rancher.double import RancherDouble
from tests.doubles.rancher.faults import Fault
from tests.doubles.rancher.pulls import How, Instance, Pull
from tests.doubles.rancher.record import Asked
from tests.doubles.rancher.rules import Choice, Pace, Rules

__all__ = [
    "Asked",
    "Choice",
    "Fault",
    "How",
    "Instance",
    "Key",
    "KeyKind",
    "Pace",
    "Pull",
    "RancherDouble",
    "Rules",
]
