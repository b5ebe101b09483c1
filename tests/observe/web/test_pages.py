"""What each path answers, and what none of them ever tells."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from refresher.model.lease import Failure, Lease, State
from refresher.model.standing import FAILING, Standing, Survey
from refresher.observe.metrics import Metrics
from refresher.observe.tally import Tally
from refresher.observe.web.pages import pages
from refresher.ports import Event, EventName
from refresher.testing import FakeClock

CLOCK = FakeClock()
NOW = CLOCK.now()


@dataclass
class Scene:
    """A daemon whose health can be set."""

    reason: str = ""
    leases: dict[str, Lease] = field(default_factory=dict)
    places: list[Standing] = field(default_factory=list)
    tally: Tally = field(default_factory=lambda: Tally(CLOCK))

    def stalled(self) -> str:
        """Return why it makes no progress."""
        return self.reason

    def survey(self) -> Survey:
        """Return how everything stands."""
        return Survey(NOW, self.leases, tuple(self.places))

    def ask(self, path: str) -> tuple[int, str]:
        """Return the status and the body of a page."""
        made = pages(self.stalled, self.survey, Metrics(self.survey, self.tally, self.stalled))
        answer = made[path]({})
        return answer.status.value, answer.body.decode()

    def add(self, state: str) -> None:
        """Add a provider, all of whose secrets and places are canaries, in a state."""
        failure = Failure("canary-message", NOW, 1, NOW)
        self.leases["hub"] = Lease(
            ("registry.example",),
            "canary-user",
            b"canary-fingerprint",
            NOW,
            NOW,
            NOW + timedelta(hours=1),
            failure=failure,
        )
        self.places.append(
            Standing(
                "hub",
                "registry.example",
                "canary-sink",
                "/canary/config.json",
                state,
                NOW,
                NOW,
                NOW,
                "canary-error",
            )
        )


def test_ping_is_always_answered() -> None:
    """By whatever still serves."""
    assert Scene(reason="stuck").ask("/ping") == (200, "pong!")


def test_healthz_is_the_daemons_progress() -> None:
    """Not that it is up, and not that credentials are live."""
    scene = Scene()
    scene.add(State.DEAD)
    assert scene.ask("/healthz") == (200, "ok\n")
    scene.reason = "the scheduler does not run"
    assert scene.ask("/healthz") == (503, "the scheduler does not run\n")


def test_a_reason_is_one_line() -> None:
    """Whatever it holds."""
    assert Scene(reason="a\nb\x1b[2J").ask("/healthz") == (503, "a\\nb\\x1b[2J\n")


def test_readyz_is_that_everybody_is_supplied() -> None:
    """With a line for each provider that is not."""
    scene = Scene()
    assert scene.ask("/readyz") == (200, "ready\n")
    scene.add(State.FRESH)
    assert scene.ask("/readyz") == (200, "ready\n")
    scene.add(State.DEAD)
    assert scene.ask("/readyz") == (503, "hub: dead: the credential has ended (registry.example)\n")


@pytest.mark.parametrize("path", ["/ping", "/healthz", "/readyz", "/metrics"])
def test_no_page_names_a_target_or_a_secret(path: str) -> None:
    """Nor a sink, a user name, a fingerprint or the message of an error."""
    scene = Scene()
    for state in (*State, FAILING):
        scene.add(state)
    for name in EventName:
        scene.tally.emit(
            Event(name, provider="hub", sink="canary-sink", target="/canary", detail="canary")
        )
    _, body = scene.ask(path)
    assert body
    assert "canary" not in body
