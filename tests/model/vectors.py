"""The facts of other tools' test suites that this package keeps to."""

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"


def vectors(name: str) -> list[dict[str, Any]]:
    """Return the vectors of one file: `input`, `expect` and where they come from."""
    found: list[dict[str, Any]] = json.loads((DATA / name).read_text(encoding="utf-8"))
    assert found
    return found
