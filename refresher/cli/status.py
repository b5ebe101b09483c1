"""`refresher status`."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from refresher.cli import FAILED, OK
from refresher.cli.listening import listen_address
from refresher.cli.notes import Notes, redacted
from refresher.cli.output import (
    ending,
    iso,
    left,
    moment,
    output_option,
    print_json,
    print_table,
    seconds_left,
)
from refresher.cli.reports import place
from refresher.cli.wiring import (
    bare_settings,
    config_option,
    find_settings,
    is_configured,
    read_standings,
    store_location,
)
from refresher.engine.announce import NoEvents
from refresher.model.lease import State
from refresher.model.listen import ListenAddress
from refresher.model.standing import Standing
from refresher.store.location import MEMORY

_HEADINGS = (
    "REGISTRY",
    "TARGET",
    "STATE",
    "ISSUED",
    "EXPIRES",
    "LEFT",
    "NEXT RENEWAL",
    "LAST ERROR",
)


@click.command("status")
@config_option
@click.option("--health", is_flag=True, help="One line and the exit code, for a health check.")
@output_option
def command(config: Path | None, style: str, *, health: bool) -> int:
    """Show what is held where, and until when, from the records.

    Exits with 1 if something is urgent or dead, or never worked.
    """
    if health:
        return _print_health(config)
    rows, now = read_standings(config, Notes())
    sick = [row for row in rows if not row.healthy]
    if style == "json":
        print_json({"ok": not sick, "places": [_document(row, now) for row in rows]})
    else:
        _print(rows, now)
    return FAILED if sick else OK


def _print_health(config: Path | None) -> int:
    """Say in one line whether everything was obtained and put in place.

    The records tell it or, where they are in a daemon's memory, the daemon.
    """
    settings = find_settings(config) if is_configured(config) else bare_settings()
    if store_location(settings) == MEMORY:
        sick = _ask(listen_address(None, settings.listen, os.environ))
    else:
        sick = _recorded(read_standings(config, NoEvents())[0], configured=is_configured(config))
    click.echo(sick or "healthy")
    return FAILED if sick else OK


def _ask(address: ListenAddress | None) -> str:
    from refresher.cli.probe import readiness  # noqa: PLC0415 - rarely needed

    if address is None:
        return "the records are in memory, and nothing listens: set store, or listen"
    return readiness(address)


def _recorded(rows: Sequence[Standing], *, configured: bool) -> str:
    """Return what the records say against health, "" for nothing.

    Nothing recorded is no health: the daemon may keep its records elsewhere.
    """
    sick = [row for row in rows if not row.healthy or row.state == State.PENDING]
    if sick:
        return f"{len(sick)} of {len(rows)} places need attention"
    return "" if rows or configured else "nothing is recorded"


def _print(rows: Sequence[Standing], now: datetime) -> None:
    if not rows:
        click.echo("nothing is recorded yet; `refresher once` obtains the first credentials")
        return
    print_table(
        _HEADINGS,
        [
            (
                row.registry or f"({row.provider})",
                place(row.sink, row.target) or "-",
                row.state,
                moment(row.issued),
                ending(row.expires),
                left(row.expires, now),
                moment(row.renew_at),
                redacted(row.error) or "-",
            )
            for row in rows
        ],
    )


def _document(row: Standing, now: datetime) -> dict[str, Any]:
    return {
        "provider": row.provider,
        "registry": row.registry or None,
        "sink": row.sink or None,
        "target": row.target or None,
        "state": str(row.state),
        "healthy": row.healthy,
        "issued": iso(row.issued),
        "expires": iso(row.expires),
        "seconds_left": seconds_left(row.expires, now),
        "next_renewal": iso(row.renew_at),
        "error": redacted(row.error) or None,
    }
