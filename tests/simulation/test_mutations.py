"""The test of the test: each deliberate break of the product is caught by the simulation."""

from dataclasses import replace

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.plan import Plan, draw
from tests.simulation.run import live

_SHORTER = 0.5


def worlds(mutation: Mutation) -> list[Plan]:
    """Return the few short worlds in which a break shows."""
    plans = [draw(seed, mutation.profile, mutation.faults) for seed in mutation.seeds]
    return [
        replace(
            each,
            daemons=mutation.daemons,
            duration=each.duration * _SHORTER,
            calm=mutation.calm or each.calm,
        )
        for each in plans
    ]


_WHOLE = {str(worlds(each)): name for name, each in MUTATIONS.items()}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_break_is_caught(name: str) -> None:
    """The broken product violates a promise in one of a few worlds."""
    mutation = MUTATIONS[name]
    with mutation.applied():
        assert any(live(plan).violations for plan in worlds(mutation))


@pytest.mark.parametrize("name", _WHOLE.values())
def test_the_product_is_whole(name: str) -> None:
    """The product as it is keeps all promises in the very same worlds."""
    for plan in worlds(MUTATIONS[name]):
        result = live(plan)
        assert not result.violations, str(result.violations[0])
