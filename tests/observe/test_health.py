"""Liveness and readiness, judged."""

import pytest

from refresher.model.credential import UNKNOWN
from refresher.model.lease import State
from refresher.model.standing import FAILING, Standing
from refresher.observe.health import liveness, readiness


def _place(state: str, provider: str = "hub", registry: str = "a.example") -> Standing:
    error = "canary-error at /canary/path"
    return Standing(
        provider, registry, "canary-sink", "/canary/target", state, None, UNKNOWN, None, error
    )


def test_who_makes_progress_is_alive() -> None:
    """Without a reason against it."""
    health = liveness("")
    assert (health.ok, health.lines) == (True, ("ok",))


def test_who_is_stalled_is_not_alive() -> None:
    """And says why."""
    health = liveness("nobody looks after the providers")
    assert (health.ok, health.lines) == (False, ("nobody looks after the providers",))


@pytest.mark.parametrize("places", [[], [_place(State.FRESH)]], ids=["nothing", "fresh"])
def test_ready_is_when_nothing_is_wrong(places: list[Standing]) -> None:
    """Also when there is nothing to supply."""
    health = readiness(places)
    assert (health.ok, health.lines) == (True, ("ready",))


@pytest.mark.parametrize("state", [*(each for each in State if each != State.FRESH), FAILING])
def test_every_other_state_is_a_reason(state: str) -> None:
    """It is named with the provider and the registry."""
    health = readiness([_place(State.FRESH, "good"), _place(state)])
    assert not health.ok
    (line,) = health.lines
    assert line.startswith(f"hub: {state}: ")
    assert line.endswith("(a.example)")


def test_each_provider_has_one_line_with_its_worst_state() -> None:
    """However many places it feeds; a registry is named once."""
    health = readiness(
        [
            _place(State.URGENT, registry="a.example"),
            _place(State.DEAD, registry="b.example"),
            _place(State.DEAD, registry="b.example"),
            _place(FAILING, registry="c.example"),
            _place(State.PENDING, "prod", ""),
        ]
    )
    assert health.lines == (
        "hub: dead: the credential has ended (b.example)",
        "prod: pending: not everything was obtained and put in place yet",
    )


def test_a_line_does_not_grow_without_end() -> None:
    """Of a thousand registries ten are named."""
    health = readiness([_place(State.DEAD, registry=f"r{n}.example") for n in range(1000)])
    (line,) = health.lines
    assert line.endswith("r9.example and 990 more)")


def test_neither_targets_nor_errors_are_told() -> None:
    """Whoever may ask for health may not know paths."""
    health = readiness([_place(state) for state in (*State, FAILING)])
    assert "canary" not in "".join(health.lines)
