"""A thousand environments, and what a pass over them costs."""

from refresher.clock import SystemClock
from refresher.model.plan import Opaque
from refresher.ports import Tools, Written
from refresher.sinks.rancher import Options, build
from refresher.store.memory import MemoryStore
from tests.doubles.rancher import RancherDouble
from tests.doubles.rancher.__main__ import fill
from tests.sinks.rancher.conftest import changes

ENVIRONMENTS = 1000


def test_a_thousand_environments_are_read_by_lists_alone() -> None:
    """Two for each, and one to find them; a write at one of them is as cheap as ever."""
    with RancherDouble() as rancher:
        fill(rancher, ENVIRONMENTS, 1)
        key = rancher.admin_key()
        options = {"url": rancher.url, "environments": "all", "access_key": key.access}
        made = build(
            Options.model_validate({**options, "secret_key_env": "SECRET"}),
            Tools(SystemClock(), MemoryStore(), {"SECRET": key.secret}),
        )
        held = made.read(["registry-0.example"])
        assert held == {
            f"1a{number}": {"registry-0.example": Opaque("AWS")}
            for number in range(5, 5 + ENVIRONMENTS)
        }
        assert len(rancher.asked()) == 2 * ENVIRONMENTS + 1
        assert rancher.writes() == 0
        rancher.forget()
        assert made.write("1a500", changes("registry-0.example")) == Written()
        assert len(rancher.asked()) == 4
