"""Tables for people, JSON for programs, and words for times."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click

from refresher.model.credential import NEVER, Expiry
from refresher.model.span import span

output_option = click.option(
    "--output",
    "style",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print.",
)

_GAP: Final = "  "


def print_json(document: Mapping[str, Any]) -> None:
    """Print a JSON document; times are ISO 8601 in UTC."""
    print_json_text(json.dumps(document, indent=2, ensure_ascii=False))


def print_json_text(text: str) -> None:
    """Print JSON in UTF-8, whatever the terminal's encoding is (RFC 8259, section 8.1)."""
    # What is no text becomes an escape, which JSON has too.
    click.echo(text.encode(errors="backslashreplace"))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings, each column as wide as its widest cell."""
    lines = [tuple(headings), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo(_GAP.join(cells).rstrip())


def moment(when: datetime | None) -> str:
    """Return a time to the minute, in UTC, `-` for none."""
    if when is None:
        return "-"
    try:
        return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except OverflowError:
        # The last hours of the calendar can't be told in another offset.
        return when.isoformat(" ", "minutes")


def ending(expires: Expiry | None) -> str:
    """Return when something ends, for a table."""
    return moment(expires) if isinstance(expires, datetime) else words(expires)


def words(expires: Expiry | None) -> str:
    """Return an expiry that is no time, in a word."""
    if expires is None or isinstance(expires, datetime):
        return "-"
    return "never" if expires is NEVER else "unknown"


def left(expires: Expiry | None, now: datetime) -> str:
    """Return the time that is left, or how long ago it ended."""
    if not isinstance(expires, datetime):
        return words(expires)
    seconds = (expires - now).total_seconds()
    return span(seconds) if seconds > 0 else f"ended {span(seconds)} ago"


def seconds_left(expires: Expiry | None, now: datetime) -> int | None:
    """Return the seconds that are left for JSON, None where that can't be told."""
    return int((expires - now).total_seconds()) if isinstance(expires, datetime) else None


def iso(when: Expiry | None) -> str | None:
    """Return a time for JSON: ISO 8601 with `Z`, `never`, `unknown`, or None."""
    if isinstance(when, datetime):
        return when.isoformat(timespec="seconds").replace("+00:00", "Z")
    return None if when is None else words(when)
