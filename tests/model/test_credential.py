"""Secrets that are never shown, and credentials that a client could use."""

import copy
import gc
import json
import pickle
import threading
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.model.credential import (
    NEVER,
    UNKNOWN,
    Credential,
    Secret,
    live_secrets,
    refuse_control_characters,
)

TEXT = "canary-hunter2"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def credential(**changes: Any) -> Credential:
    """Return a credential in order, but for `changes`."""
    fields = {
        "registries": ("registry.example",),
        "username": "AWS",
        "secret": Secret(TEXT),
        "issued_at": NOON,
        "expires_at": NOON + timedelta(hours=12),
    }
    return Credential(**{**fields, **changes})


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        ascii,
        lambda secret: f"{secret}",
        lambda secret: f"{secret!r:>40}",
        lambda secret: f"{secret:>20}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - loggers format like this
        lambda secret: "{} {!s}".format(secret, secret),  # noqa: UP032 - and templates like this
        lambda secret: repr([secret, {secret: secret}]),
        lambda secret: repr(credential(secret=secret)),
        lambda secret: str(asdict(credential(secret=secret))),
        lambda secret: json.dumps(secret, default=str),
        lambda secret: repr(pickle.dumps(secret)),
        lambda secret: repr(pickle.dumps(credential(secret=secret))),
        lambda secret: pickle.loads(pickle.dumps(secret)).reveal(),  # noqa: S301 - our own
        lambda secret: repr(ValueError(secret)),
    ],
)
def test_a_secret_is_never_shown(show: Callable[[Secret], str]) -> None:
    """Whatever turns a secret into text gets stars, pickles included."""
    shown = show(Secret(TEXT))
    assert TEXT not in shown
    assert "***" in shown


def test_a_secret_can_be_padded_like_text() -> None:
    """A format for text applies to the stars, so that tables stay in line."""
    assert f"{Secret(TEXT):>5}|" == "  ***|"


@pytest.mark.parametrize("use", [json.dumps, bytes, len, list, "".join])
def test_a_secret_is_no_text(use: Callable[[Any], object]) -> None:
    """What needs real text fails, and the error does not show it."""
    with pytest.raises(TypeError) as raised:
        use(Secret(TEXT))
    assert TEXT not in str(raised.value)


def test_the_text_comes_out_by_name_only() -> None:
    """One method gives the text, unchanged."""
    assert Secret(TEXT).reveal() == TEXT


@pytest.mark.parametrize("text", ["", "ä", "\N{SNOWMAN}", "\udce9", "x" * 10_000])
def test_secrets_are_equal_by_their_text(text: str) -> None:
    """Two secrets of one text are equal keys, whatever the text, even if it can't be encoded."""
    assert Secret(text) == Secret(text)
    assert hash(Secret(text)) == hash(Secret(text))
    assert Secret(text) != Secret(text + "x")
    assert len({Secret(text), Secret(text)}) == 1


def test_a_secret_is_not_equal_to_its_text() -> None:
    """A comparison with bare text is no way to guess."""
    assert Secret(TEXT) != TEXT


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_secret_is_the_secret(duplicate: Callable[[Secret], Secret]) -> None:
    """A secret does not change, so a copy would only be a second place to guard."""
    secret = Secret(TEXT)
    assert duplicate(secret) is secret


def alive(text: str) -> bool:
    """Tell whether the redactor would know `text`."""
    return any(secret.reveal() == text for secret in live_secrets())


def test_a_secret_is_known_to_the_redactor_while_it_lives() -> None:
    """The list of live secrets holds a secret as long as somebody else does."""
    secret = Secret("canary-that-comes-and-goes")
    assert alive("canary-that-comes-and-goes")
    del secret
    gc.collect()
    assert not alive("canary-that-comes-and-goes")


def test_an_equal_secret_stays_known() -> None:
    """The end of one secret does not hide another of the same text."""
    kept, dropped = Secret("canary-in-two-places"), Secret("canary-in-two-places")
    del dropped
    gc.collect()
    assert alive("canary-in-two-places")
    assert kept


def test_secrets_come_and_go_on_several_threads() -> None:
    """The list can be read while other threads make and drop secrets."""
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            Secret("canary-of-a-thread")

    threads = [threading.Thread(target=churn) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        mine = Secret("canary-of-this-thread")
        assert all(alive(mine.reveal()) for _ in range(200))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_registries_are_kept_in_canonical_form() -> None:
    """All spellings of one registry are one registry, and the order is kept."""
    made = credential(registries=("https://B.example/v2/", "b.example", "index.docker.io", "a"))
    assert made.registries == ("b.example", "docker.io", "a")


@pytest.mark.parametrize("expiry", [NEVER, UNKNOWN, NOON])
def test_an_expiry_may_be_no_time(expiry: object) -> None:
    """A credential ends at a time, never, or nobody knows when."""
    assert credential(expires_at=expiry).expires_at == expiry


def test_a_credential_does_not_change() -> None:
    """A credential is a value."""
    with pytest.raises(FrozenInstanceError):
        credential().username = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    "secret", ["p:a:s:s", " ", "x" * 20_000, "\N{SNOWMAN}", '{"a": "b"}', "\x80"]
)
def test_a_secret_may_hold_what_can_be_sent(secret: str) -> None:
    """Colons, spaces, other scripts, JSON and length are all right in a secret."""
    assert credential(secret=Secret(secret)).secret.reveal() == secret


@pytest.mark.parametrize(
    "username", ["AWS", "_json_key", "org+robot", "<token>", "a b", "\N{SNOWMAN}"]
)
def test_a_user_name_may_hold_what_can_be_sent(username: str) -> None:
    """The user names that registries give out are all right."""
    assert credential(username=username).username == username


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"registries": ()}, "names no registry"),
        ({"registries": "registry.example"}, "one text, not a collection"),
        ({"registries": ("not an address",)}, "no registry address"),
        ({"username": ""}, "has no user name"),
        ({"username": "a:b"}, "contains a colon"),
        ({"username": "a\n"}, "user name .* control character at position 1"),
        ({"username": "a\udce9"}, "user name .* no text at position 1"),
        ({"secret": Secret("")}, "is empty"),
        ({"secret": Secret("to\0k")}, "secret .* control character at position 2"),
        ({"secret": Secret("tok\r\n")}, "secret .* control character at position 3"),
        ({"secret": Secret("tok\x7f")}, "secret .* control character at position 3"),
        ({"secret": Secret("to\ud800k")}, "secret .* no text at position 2"),
        ({"issued_at": datetime(2026, 3, 1)}, "issued_at .* no time zone"),  # noqa: DTZ001
        ({"expires_at": datetime(2026, 3, 1)}, "expires_at .* no time zone"),  # noqa: DTZ001
        ({"answered_at": datetime(2026, 3, 1)}, "answered_at .* no time zone"),  # noqa: DTZ001
    ],
    ids=lambda value: value if isinstance(value, str) else ascii(value)[:40],
)
def test_what_no_client_could_use_is_refused(changes: dict[str, Any], message: str) -> None:
    """A credential that could not be sent, or not be understood, is refused with the reason."""
    with pytest.raises(PermanentError, match=message):
        credential(**changes)


@given(st.text(), st.sampled_from([chr(code) for code in (*range(32), 127, 0xD800)]), st.text())
@settings(deadline=None)
def test_a_refused_text_is_not_repeated(before: str, character: str, after: str) -> None:
    """The message names the first position that is wrong, and no part of the value."""
    with pytest.raises(PermanentError) as raised:
        refuse_control_characters(f"{before}{character}{after}", "the value")
    position = int(str(raised.value).rpartition(" ")[2])
    assert position <= len(before)
    assert str(raised.value) in (
        f"the value has a control character at position {position}",
        f"the value has a character that is no text at position {position}",
    )


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"))))
@settings(deadline=None)
def test_other_text_is_let_through(text: str) -> None:
    """Anything but control characters and broken encodings can be sent."""
    refuse_control_characters(text, "the value")


class Berlin(tzinfo):
    """The zone of Berlin around the start of summer time 2026, as the operating system gives it."""

    def utcoffset(self, moment: datetime | None, /) -> timedelta:
        """Return one hour, or two from the last Sunday of March."""
        summer = moment is not None and moment.replace(tzinfo=None) >= datetime(2026, 3, 29, 2)  # noqa: DTZ001
        return timedelta(hours=2 if summer else 1)

    def dst(self, moment: datetime | None, /) -> timedelta:
        """Return the part of the offset that is summer time."""
        return self.utcoffset(moment) - timedelta(hours=1)

    def tzname(self, _moment: datetime | None, /) -> str:
        """Return a name."""
        return "Berlin"


def test_times_are_kept_in_utc() -> None:
    """A time of a zone with summer time is the same moment, and differences are real seconds."""
    zone = Berlin()
    before = datetime(2026, 3, 29, 1, 30, tzinfo=zone)
    after = datetime(2026, 3, 29, 3, 30, tzinfo=zone)
    made = credential(issued_at=before, expires_at=after, answered_at=before)
    assert (made.issued_at, made.expires_at) == (before, after)
    assert isinstance(made.expires_at, datetime)
    assert made.expires_at - made.issued_at == timedelta(hours=1)
    assert made.issued_at.tzinfo is made.expires_at.tzinfo is UTC
    assert made.answered_at is not None
    assert made.answered_at.tzinfo is UTC


def test_a_time_beyond_the_calendar_is_refused() -> None:
    """The last moment west of Greenwich is not a moment in UTC."""
    last = datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))
    with pytest.raises(PermanentError, match=r"expires_at .* beyond the calendar"):
        credential(expires_at=last)


def test_the_last_moment_of_the_calendar_is_a_time() -> None:
    """Some issuers write "never" as the last moment there is."""
    last = datetime.max.replace(tzinfo=UTC)
    assert credential(expires_at=last).expires_at == last


def test_a_changed_credential_is_checked_again() -> None:
    """A changed copy holds to the same rules."""
    with pytest.raises(PermanentError, match="colon"):
        replace(credential(), username="a:b")
