"""The promise, exactly, and what watches over it.

A *place* is one registry at one target. It can be *served* while its issuer, its
target and the daemon can all be used. A token of it that was received at `r` and ends
at `e`, by what its receiver was told, is *to be renewed* from `d` on: the latest moment
that its life as the issuer told it allows (`r` + 0.55 of that life, or of the interval
that is set), or the moment from which the issuer would give another one, whichever is
later.

1. **Never lapsed.** A place does not hold an ended token of at least 60 s, whose end was
   told, if no outage that ended later than a minute before `d` was as long as 0.4 of the
   token's life, and if between two of them it could be served for as long as one retry
   takes: a quarter of what was left when that time began (1 s at least, 5 minutes at
   most, 15 after a fault that only a person heals), and an attempt under way (a tenth of
   it, within 1 s and 30 s, and half a second). After a single outage of 0.4 of the life
   0.05 of it are left: one retry takes less.
2. **Repaired.** A place that holds nothing, an ended token, or an older one than was
   obtained, holds a good one again once it could be served for 60 s (with nothing to
   live on), 5 minutes (while the records say that something lives) or 15 (after a
   fault that only a person heals), and a tick of the daemon.
3. **Drift.** The same for a place that somebody else changed, after a drift interval.
4. **Prompt.** What was obtained is at every target that can be used within a second,
   and a renewal begins within a second of its time, whatever else fails.
5. **Never worse.** We replace no token by an older one, and write none that has ended.
6. **Never for nothing.** We write nothing that is there already.

How often an issuer is asked is in `allowance`. A suspended host is away until the
first tick after it; so is one whose clock is moved. What a run of cron obtained the
daemon sees at its next pass, a retry or a look for drift away. A clock that is wrong is a fault
for an issuer whose answers carry no time, and none for one whose answers do.
"""

from typing import Final

from tests.simulation.journal import Journal
from tests.simulation.places import Place, Token
from tests.simulation.uptime import gaps, outages

SHORTEST_LIFE: Final = 60.0
COVERED: Final = 0.4
TICK: Final = 10.0
PROMPT: Final = 1.0

_WHEN_DEAD: Final = 60.0
_RETRY: Final = 300.0
_PERMANENT_RETRY: Final = 900.0
_EPSILON: Final = 1e-3


class Watch:
    """Holds places to the promise."""

    def __init__(self, journal: Journal, *, latency: float) -> None:
        """`latency` is the longest time that a call takes where nothing fails."""
        self._journal = journal
        self._kernel = journal.kernel
        self._latency = latency

    def ended(self, place: Place, token: Token) -> None:
        """Judge a place at the moment at which a token that was put there truly ends."""
        if place.gone or place.token is not token:
            return
        self._journal.note(place.issuer.name, f"{token} ends in {place}")
        # Records that were lost, that came back as they were before, or that were made before the
        # clock went forward don't tell its end.
        recorded = token.received > place.issuer.doubted_at and not place.unrecorded
        known = recorded and token.told_life >= SHORTEST_LIFE and not token.misjudged
        if known and place.disturbed is None:
            start = max(token.due, place.issuer.offers_after(token))
            end = min(token.ends, token.received + token.told_life)
            spans = outages(place.uptimes(), start - token.told_life, end)
            touching = [span for span in spans if span[1] > start - _WHEN_DEAD]
            covered = all(b - a < COVERED * token.told_life for a, b in touching)
            for begin, finish in gaps(touching, start, end) if covered else ():
                if finish - begin >= self._one_retry(place, end - begin, begin):
                    self._violate("lapsed", place, f"{token} was left to end in {place}")
                    return
        self.expect_repair(place)

    def _one_retry(self, place: Place, left: float, begin: float) -> float:
        longest = _PERMANENT_RETRY if place.permanent() >= begin - _RETRY else _RETRY
        wait = max(min(left / 4, longest), 1.0)
        newest = place.issuer.newest
        if newest is not None and newest.ends <= begin:
            # What was obtained since is dead: an issuer that gave a worse one has only itself.
            wait = max(wait, _WHEN_DEAD)
        return wait + min(max(left / 10, 1.0), 30.0) + 0.5 + 2 * self._latency

    def expect_repair(self, place: Place) -> None:
        """Judge a place that is not as it should be once it could be served for long enough."""
        trouble = self._trouble(place)
        if trouble is not None:
            allowed = trouble[1]
            self._kernel.after(allowed + _EPSILON, lambda: self._judge(place))

    def _judge(self, place: Place) -> None:
        trouble = self._trouble(place)
        available = place.since()
        if place.gone or trouble is None or available is None:
            return
        since, allowed, what = trouble
        start = max(since, available)
        if self._kernel.now - start >= allowed:
            self._violate("not repaired", place, f"{place} {what} for {allowed:.0f} s")
        else:
            self._kernel.at(start + allowed + _EPSILON, lambda: self._judge(place))

    def _trouble(self, place: Place) -> tuple[float, float, str] | None:
        """Return since when a place is not as it should be, what is allowed, and what it is."""
        now, token = self._kernel.now, place.token
        newest = place.issuer.newest
        slack = TICK + 2 * PROMPT + 4 * self._latency
        retry = _PERMANENT_RETRY if place.permanent() > now - 2 * _PERMANENT_RETRY else _RETRY
        if place.disturbed is not None:
            allowed = place.drift_interval + retry + slack
            return place.disturbed, allowed, "holds what somebody else put there"
        if token is None:
            return place.added, _WHEN_DEAD + slack, "holds nothing"
        if token.ends <= now:
            # A new token that could not be asked for again holds its wait.
            alive = token.misjudged or (newest is not None and newest.ends > token.ends)
            # Who could not know the end renews by what there was to know.
            since = max(token.ends, token.due) if token.misjudged else token.ends
            return since, (retry if alive else _WHEN_DEAD) + slack, f"holds {token}, dead,"
        if newest is not None and self._outlived(token, newest):
            return newest.received, retry + slack, f"holds {token} and not {newest}"
        return None

    def received(self, places: list[Place], token: Token, *, at_once: bool) -> None:
        """Judge the places of an issuer soon after a new token arrived, and the next renewal."""
        arrived = self._kernel.now
        soon = PROMPT + 4 * self._latency

        def judge() -> None:
            for place in places:
                # A place that failed lately keeps to the wait that was recorded then.
                well = arrived - _PERMANENT_RETRY - soon
                if place.gone or place.added >= well or not place.usable(well):
                    continue
                if place.disturbed is not None:
                    continue
                if place.token is None or self._outlived(place.token, token):
                    self._violate("prompt", place, f"{token} is not in {place} after {soon:.1f} s")
                    return

        if at_once:
            self._kernel.after(soon, judge)
        for place in places:
            self.expect_repair(place)
        if places:
            due = token.due
            latest = due + TICK + soon + 2e-3 * (due - arrived)
            self._kernel.at(latest, lambda: self._renewing(places[0], token, due))

    def _renewing(self, place: Place, token: Token, due: float) -> None:
        """Judge whether the renewal of a token has begun in time."""
        issuer = place.issuer
        if issuer.newest is not token or issuer.asked > token.received or token.due != due:
            return
        if place.gone or place.added > token.received:
            return
        if place.service.uptime.settled < token.received and not place.service.uptime.down:
            stuck = place.hang.down or place.hang.settled > token.due
            if not (issuer.uptime.within(token.due, self._kernel.now) or stuck):
                self._violate(
                    "prompt", place, f"the renewal of {token} of {issuer.name} has not begun"
                )

    @staticmethod
    def _outlived(there: Token, newer: Token) -> bool:
        """Tell whether a place should hold the newer one: it is let alone if it ends sooner."""
        return newer.serial > there.serial and newer.ends > there.ends and not newer.misjudged

    def written(self, place: Place, token: Token, *, late: bool) -> None:
        """Judge a write of ours at the moment at which it takes effect."""
        there, now = place.token, self._kernel.now
        self._journal.note(place.issuer.name, f"{place} holds {token}" + (", late" * late))
        if late:
            return
        if there is token and place.disturbed is None and not place.doubtful(now):
            self._violate("for nothing", place, f"{token} was there already, in {place}")
        elif there is not None and self._outlived(token, there) and not place.doubtful(now):
            self._violate("worse", place, f"{there} was replaced by {token}, in {place}")
        elif token.ends <= now and not (token.misjudged or place.issuer.blind):
            self._violate("worse", place, f"{token} had ended when it was put into {place}")

    def _violate(self, rule: str, place: Place, text: str) -> None:
        subjects = (place.issuer.name, place.target.name, place.service.name)
        self._journal.violate(rule, subjects, text)
