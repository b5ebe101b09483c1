"""Issuers of tokens, as a provider meets them: they mint, repeat themselves, lie and fail."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from refresher.model import schedule
from refresher.model.credential import UNKNOWN, Credential, Expiry, Secret
from tests.simulation.allowance import Allowance
from tests.simulation.journal import Journal
from tests.simulation.kernel import Crew
from tests.simulation.machine import Host, moment
from tests.simulation.places import Place, Token
from tests.simulation.promise import Watch
from tests.simulation.telling import told_truly, whole
from tests.simulation.uptime import Uptime

LATEST: Final = 0.55
EARLIEST: Final = 0.45
_ASK_AGAIN: Final = 15.0
_SHORTEST: Final = 1.0
_BELIEVED: Final = 20 * 365
"""An end that is more days away is worth as much as none."""

_GRACE: Final = 0.5
_OF_OTHERS: Final = 900.0
_KEPT: Final = 2000

Trouble = Callable[["Issuer", float], object]
"""What happens to a call instead of an answer: it is given the deadline, and raises or returns."""


@dataclass(frozen=True, slots=True)
class Character:
    """What an issuer is like: times in seconds.

    A cached issuer repeats its token until no more than `fresh_below` is left of it.
    `dated` answers carry the issuer's time.
    """

    life: float
    registries: tuple[str, ...]
    fresh_below: float | None = None
    interval: float | None = None
    dated: bool = True
    latency: float = 0.05


class Issuer:
    """One issuer: the truth about its tokens, whoever asks."""

    def __init__(
        self,
        name: str,
        character: Character,
        journal: Journal,
        watch: Watch,
        draw: random.Random,
    ) -> None:
        self.name = name
        self.character = character
        self.journal = journal
        self.kernel = journal.kernel
        self.draw = draw
        self.uptime = Uptime()
        self.allowance = Allowance(journal, name)
        self.places: list[Place] = []
        self.tokens: dict[str, Token] = {}
        self.newest: Token | None = None
        self.bearer: Crew | None = None
        self.asked = 0.0
        self.doubted = False
        self.doubted_at = float("-inf")
        self.muddled_until = float("-inf")
        self.records_away = False
        self.blind = False
        self._needed = False
        self.trouble: Trouble | None = None
        self.told: Callable[[Token], Expiry] = told_truly
        self.life: Callable[[], float] = whole
        self.stuck_at: Token | None = None
        self._watch = watch
        self._current: Token | None = None
        self._serial = 0

    def offers_after(self, token: Token) -> float:
        """Return the moment from which one that ends later is to be had, as was seen since."""
        below = self.character.fresh_below
        start = token.minted if below is None else max(token.minted, token.ends - below)
        for other in reversed(self.tokens.values()):
            if other.serial <= token.serial:
                break
            if other.ends <= token.ends:
                start = max(start, other.due)
        return start

    def fetch(self, caller: Crew, host: Host, deadline: float) -> Credential:
        """Answer one call."""
        began = self.asked = self.kernel.now
        self.journal.counts["calls"] += 1
        self._needed = caller is not self.bearer and self._is_wanted()
        self.allowance.call(caller, needed=self._needed)
        self.journal.note(self.name, f"{caller} asks, for {deadline:.1f} s at most")
        if self.trouble is not None:
            try:
                answer = self.trouble(self, deadline)
            except Exception as error:
                self.allowance.failed()
                self.journal.note(self.name, f"answers {caller} with {error!r}")
                raise
            if answer is not None:
                return answer  # type: ignore[return-value]  # a broken provider returns anything
        self.kernel.sleep(self.character.latency * self.draw.uniform(0.2, 1.0))
        token = self._token() if self.stuck_at is None else self.stuck_at
        end = self.told(token)
        credential = self._credential(token, end)
        # Who was frozen meanwhile finds the answer before it finds that it is late.
        late_from = began + deadline + _GRACE
        thawed = caller.frozen_until == self.kernel.now and caller.frozen_from <= late_from
        if self.kernel.now <= late_from or thawed:
            self._arrive(token, end, caller, host)
        return credential

    def _is_wanted(self) -> bool:
        """Tell whether a place lacks the newest token."""
        return any(
            not each.gone
            and (each.token is not self.newest or each.disturbed is not None or each.unsure)
            for each in self.places
        )

    def blindfold(self, crew: Crew, error: float) -> None:
        """Take note that nobody may know how old the token is: the clock went back since it came.

        The process that saw it arrive knows by its monotonic clock. `error` is the
        wall clock's now.
        """
        token = self.newest
        if token is None or self.blind or self.bearer is crew:
            return
        if error < token.error - 1 - 2e-3 * self.character.life:
            self.blind = True
            self.uptime.fail(self.kernel.now)

    def mint(self, life: float) -> Token:
        """Return a new token that lives for `life` from now on."""
        now = self.kernel.now
        self._serial += 1
        token = Token(self.name, self._serial, now, now + life)
        self.tokens[token.secret] = token
        if len(self.tokens) > _KEPT:
            del self.tokens[next(iter(self.tokens))]
        return token

    def _token(self) -> Token:
        current, below = self._current, self.character.fresh_below
        if below is None or current is None or current.ends - self.kernel.now <= below:
            self._current = current = self.mint(self.character.life * self.life())
        return current

    def _credential(self, token: Token, end: Expiry) -> Credential:
        return Credential(
            self.character.registries,
            "AWS",
            Secret(token.secret),
            issued_at=moment(token.minted),
            expires_at=end,
            answered_at=moment(self.kernel.now) if self.character.dated else None,
        )

    def _arrive(self, token: Token, end: Expiry, caller: Crew, host: Host) -> None:
        """Work out what the receiver makes of the answer."""
        now = self.kernel.now
        if isinstance(end, datetime) and (end - moment(self.kernel.now)).days > _BELIEVED:
            end = UNKNOWN
        if end is UNKNOWN and token is self.newest and token.told_end and not self.doubted:
            end = token.told_end  # What was known of a token stays known.
            if abs(host.error() - token.error) > 1:
                # Known by a clock that has moved since, and no answer corrects it.
                self.allowance.failed()
                return
        life = self._told_life(end, host)
        if life < _SHORTEST:
            self.allowance.failed()
            self.journal.note(self.name, f"answers {caller} with {token}, over by what it says")
            return
        again = token is self.newest and isinstance(end, datetime)
        interval = self.character.interval
        if again:
            wait = earliest = min(max(_ASK_AGAIN, min(life / 4, 3600.0)), life)
        else:
            wait, earliest = life * LATEST, life * EARLIEST
        if interval is not None:
            wait, earliest = min(wait, interval), min(earliest, interval)
        # The receiver's clock may go at another rate.
        self.allowance.succeeded(now + earliest * (1 - 3e-3) - 0.5)
        self.journal.note(self.name, f"answers {caller} with {token}, for {life:.1f} s")
        self.bearer = caller
        token.told_end = end if isinstance(end, datetime) else None
        if self.blind:
            self.blind = False
            self.uptime.heal(now)
        # The daemon learns of what others obtained at its next pass.
        token.due = now + (wait if caller.lasting else max(wait, _OF_OTHERS))
        if life > token.ends - now + 2 * schedule.SKEW_LIMIT:
            token.misjudged = True
        if token is not self.newest:
            self._take(token, life, host)

    def _take(self, token: Token, life: float, host: Host) -> None:
        token.received, token.error = self.kernel.now, host.error()
        token.told_life = min(life, token.ends - token.received)
        if not self.character.dated and abs(host.error()) > 1:
            token.misjudged = True
        self.newest, self.doubted = token, self.records_away
        # A pass that needs a secret half-way brings it to the others when it is at its end.
        at_once = not self._needed
        places = [each for each in self.places if not each.gone]
        self._watch.received(places, token, at_once=at_once)

    def _told_life(self, end: Expiry, host: Host) -> float:
        """Return the life as the receiver can know it: by the issuer's time, else by its own.

        An issuer that is a little behind is not told from an answer that took its time.
        """
        if not isinstance(end, datetime):
            return schedule.UNKNOWN_LIFE
        ahead = host.error()
        corrected = self.character.dated and (ahead < 0 or ahead > schedule.SKEW_LIMIT)
        now = moment(self.kernel.now) if corrected else host.now()
        return (end - now).total_seconds()
