"""How often an issuer may be asked: one call per renewal, whoever makes it, and no hot loop.

- After a success the next call comes when the renewal is due (0.45 of the life that was
  told, or the interval that is set), or, where the same token came again, after a quarter
  of what was left (15 s at least).
- After a failure it comes after a second at least. A process that a person or cron
  started does not keep to the wait that others recorded.
- A process that did not get the current token itself may ask while a place lacks it.
- A call beyond these needs an occasion, and an occasion pays for one: records that
  were lost, new settings, a clock that was moved, a process that ended in the middle of
  a pass.
- However often it fails: at most 30 calls in a minute and 300 in an hour of failures.
"""

from collections import deque
from typing import Final

from tests.simulation.journal import Journal
from tests.simulation.kernel import Crew

_SHORTEST_WAIT: Final = 0.9
_MINUTE: Final = (60.0, 30)
_HOUR: Final = (3600.0, 300)


class Allowance:
    """What one issuer's callers may do."""

    def __init__(self, journal: Journal, issuer: str) -> None:
        self._journal = journal
        self._kernel = journal.kernel
        self._issuer = issuer
        self._recent: deque[float] = deque()
        self._occasions: deque[float] = deque()
        self._caller: Crew | None = None
        self._free_from = 0.0
        self._failing = False

    def occasion(self, why: str, *, lasts: float) -> None:
        """Allow one more call within `lasts` seconds."""
        self._journal.note(self._issuer, f"may be asked once more: {why}")
        self._occasions.append(self._kernel.now + lasts)

    def call(self, caller: Crew, *, needed: bool) -> None:
        """Judge a call that begins. `needed`: a place wants a secret that the caller never had."""
        now = self._kernel.now
        while self._occasions and self._occasions[0] < now:
            self._occasions.popleft()
        early = now < self._free_from
        if early and not (self._failing and caller is not self._caller) and not needed:
            if not self._occasions:
                by = self._free_from - now
                self._violate(f"was asked {by:.1f} s before there was a reason, by {caller}")
            else:
                self._occasions.popleft()
        self._caller = caller
        self._count(now)
        # Until it is known what comes of the call.
        self._free_from, self._failing = now + _SHORTEST_WAIT, True

    def succeeded(self, next_call: float) -> None:
        """Take note of an answer: the next call is expected from `next_call` on."""
        self._free_from, self._failing = next_call, False
        self._recent.clear()

    def failed(self) -> None:
        """Take note of a failure."""
        self._free_from, self._failing = self._kernel.now + _SHORTEST_WAIT, True

    def _count(self, now: float) -> None:
        recent = self._recent
        recent.append(now)
        while recent[0] < now - _HOUR[0]:
            recent.popleft()
        for seconds, most in (_MINUTE, _HOUR):
            if len(recent) > most and recent[-most - 1] > now - seconds:
                self._violate(f"was asked more than {most} times in {seconds:.0f} s of failures")

    def _violate(self, text: str) -> None:
        self._journal.violate("calls", (self._issuer,), f"{self._issuer} {text}")
