"""The public API is what `refresher` lists, and every name of it is there."""

import subprocess
import sys

import pytest

import refresher


@pytest.mark.parametrize("name", refresher.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """What is listed can be used, and is shown by `dir`."""
    assert getattr(refresher, name) is not None
    assert name in dir(refresher)


def test_nothing_else_is_there() -> None:
    """A mistyped name is an AttributeError that says so."""
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = refresher.Nonsense  # type: ignore[attr-defined]


def test_an_import_costs_next_to_nothing() -> None:
    """Whoever imports the package pays for no library until a name is used."""
    code = (
        "import sys, refresher; "
        "heavy = {'pydantic', 'botocore', 'google', 'apscheduler', 'structlog', 'yaml', 'click'};"
        "sys.exit(len(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
