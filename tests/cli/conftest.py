"""What the tests of the command line share."""

from pathlib import Path

import pytest

from tests.cli.page import PageSite


@pytest.fixture
def page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> PageSite:
    """Give a folder without settings, in which a store may be."""
    monkeypatch.chdir(tmp_path)
    return PageSite(tmp_path, capsys, monkeypatch)
