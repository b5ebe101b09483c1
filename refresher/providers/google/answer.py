"""One HTTP answer of a Google server, and what can be read from it without trusting it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Self

from refresher.errors import PermanentError, RetryableError
from refresher.model import schedule
from refresher.model.credential import UNKNOWN, Expiry

LONGEST_LIFE: Final = 86_400.0
"""Seconds. Google's longest access token lives 12 hours, and only where a policy allows it
(https://cloud.google.com/iam/docs/create-short-lived-credentials-direct)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in the form that google-auth wants, with the local time at which it came."""

    host: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    data: bytes = field(repr=False)
    received: datetime

    @property
    def date(self) -> datetime | None:
        """Return the server's clock (RFC 9110, section 6.6.1), None if it does not say."""
        return _http_date(self.headers.get("date", ""))

    @property
    def skew(self) -> float | None:
        """Return the server's clock minus ours in seconds, None if it is unknown."""
        return None if self.date is None else schedule.seconds_between(self.received, self.date)

    @property
    def server_now(self) -> datetime:
        """Return the moment of the answer by the server's clock.

        `Date` counts whole seconds, so the local clock is the better one where
        the two agree.
        """
        if self.date is None or abs(self.skew or 0.0) <= schedule.SKEW_LIMIT:
            return self.received
        return self.date

    @property
    def retry_after(self) -> float | None:
        """Return the wait in seconds that is asked for (RFC 9110, section 10.2.3), if any."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return min(float(text), LONGEST_LIFE)
        moment = _http_date(text)
        if moment is None:
            return None
        return max(0.0, schedule.seconds_between(self.date or self.received, moment))

    def fields(self) -> Mapping[str, object]:
        """Return the fields of a JSON object, none if the answer is anything else."""
        try:
            loaded = json.loads(self.data)
        except (ValueError, RecursionError):
            return {}
        return loaded if isinstance(loaded, dict) else {}

    def for_google_auth(self) -> Self:
        """Return the answer with IAM's `expireTime` in the one form that google-auth reads.

        A timestamp may have a fraction of a second and any zone (RFC 3339, and
        https://protobuf.dev/reference/protobuf/google.protobuf/#timestamp);
        google-auth wants whole seconds in UTC (2.63, `impersonated_credentials.py`).
        """
        fields = self.fields()
        end = _timestamp(fields.get("expireTime"))
        if end is None:
            return self
        whole = end.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
        return replace(self, data=json.dumps({**fields, "expireTime": whole}).encode())

    def token_end(self) -> Expiry:
        """Return when the token in this answer ends by the server's clock.

        Read from `expires_in` (RFC 6749, section 5.1) or IAM's `expireTime`;
        `UNKNOWN` if neither is there. Raises `RetryableError` for one that is
        malformed or over, `PermanentError` for an absurdly long life.
        """
        fields = self.fields()
        if "expireTime" in fields:
            end = _timestamp(fields["expireTime"])
            life = None if end is None else schedule.seconds_between(self.server_now, end)
        elif fields.get("expires_in") is None:
            return UNKNOWN
        else:
            life = _seconds(fields["expires_in"])
        if life is None:
            raise RetryableError(f"{self.host} answered with a token whose end can't be read")
        self._refuse_life(life)
        return self.server_now + timedelta(seconds=life)

    def _refuse_life(self, life: float) -> None:
        if life <= 0:
            raise RetryableError(f"{self.host} answered with a token that has ended already")
        if life > LONGEST_LIFE:
            raise PermanentError(
                f"{self.host} answered with a token that lives longer than a day",
                hint="no Google server does that: check which host it is",
            )


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _timestamp(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        zoned = moment is not None and moment.utcoffset() is not None
        return moment.astimezone(UTC) if moment is not None and zoned else None
    except (ValueError, OverflowError):
        return None


def _seconds(value: object) -> float | None:
    # Some servers send the number as text.
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None
