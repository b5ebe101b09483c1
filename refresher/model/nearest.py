"""The name that somebody may have meant."""

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?` with the known name nearest to `name`, `""` if none."""
    from difflib import get_close_matches  # noqa: PLC0415 - needed for the message only

    spellings = {each.lower(): each for each in sorted(known)}
    close = get_close_matches(name.lower(), spellings, n=1)
    return f"; did you mean {spellings[close[0]]}?" if close else ""
