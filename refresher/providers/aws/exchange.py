"""One fetch's talk with AWS: how long it may last, which keys it holds, what AWS's clock says."""

import json
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials

from refresher.errors import RetryableError
from refresher.model.credential import Secret
from refresher.ports import Clock
from refresher.providers.aws.errors import answer_time
from refresher.providers.aws.wire import Wire

_CONNECT_TIMEOUT: Final = 5.0
_READ_TIMEOUT: Final = 10.0
_ERROR: Final = 300
_SHOWN: Final = 100


class Exchange:
    """The talk. As a context manager it ends every connection when its time is over."""

    def __init__(self, clock: Clock, seconds: float, subject: str) -> None:
        """Begin now."""
        self.answered_at: datetime | None = None
        self.wire = Wire(seconds)
        self._clock = clock
        self._end = clock.monotonic() + seconds
        self._seconds = seconds
        self._subject = subject
        self._secrets: list[Secret] = []

    def __enter__(self) -> Self:
        """Let the time count for the connections, too."""
        self.wire.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the connections."""
        self.wire.__exit__(kind, error, trace)

    def left(self) -> float:
        """Return the seconds that are left. Raises `RetryableError` when none are."""
        left = self._end - self._clock.monotonic()
        if left <= 0:
            raise self.too_late()
        return left

    def too_late(self) -> RetryableError:
        """Return the error of an exchange that took too long."""
        return RetryableError(
            f"{self._subject}: not done within {self._seconds:g} s",
            hint="AWS, or what answers in its place, is slow: check the network and the proxies",
        )

    def config(self, **options: Any) -> Config:
        """Return a client configuration that fits in: one attempt, as the engine retries."""
        left = self.left()
        return Config(
            connect_timeout=min(_CONNECT_TIMEOUT, left),
            read_timeout=min(_READ_TIMEOUT, left),
            retries={"mode": "standard", "total_max_attempts": 1},
            **options,
        )

    def hear(self, **event: Any) -> None:
        """Keep the time of an answer: a handler of botocore's event `response-received`."""
        answer = event["response_dict"]
        if answer is not None:
            self.answered_at = answer_time(answer["headers"])

    def refuse_pages(self, **event: Any) -> None:
        """Raise `RetryableError` for what ECR never sends: a handler of `before-parse`.

        A captive portal's page, an empty answer: botocore makes an answer without a token of
        it, or stumbles. With an error's status it is kept as the text of the error.
        """
        answer, service = event["response_dict"], event["operation_model"].service_model
        if service.metadata.get("protocol") != "json" or _is_object(answer["body"]):
            return
        if answer["status_code"] >= _ERROR:
            text = answer["body"][:_SHOWN].decode(errors="replace")
            answer["body"] = json.dumps({"message": text}).encode()
            return
        raise RetryableError(
            f"{self._subject}: what answered is not AWS",
            hint="check AWS_ENDPOINT_URL settings and proxies, and whether the network wants a "
            "login",
        )

    def hold(self, keys: ReadOnlyCredentials) -> ReadOnlyCredentials:
        """Make the keys known to the redactor for as long as this exchange lives; return them."""
        self._secrets += [Secret(text) for text in (keys.secret_key, keys.token) if text]
        return keys


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False
