"""The name that somebody may have meant."""

import pytest

from refresher.model.nearest import nearest


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("prdo", ["prod", "test"], "; did you mean prod?"),
        ("PROD", ["Prod", "test"], "; did you mean Prod?"),
        ("prod", [], ""),
        ("x", ["prod", "test"], ""),
    ],
)
def test_the_nearest_name_is_told(name: str, known: list[str], expected: str) -> None:
    """In its own case; where none is near, none."""
    assert nearest(name, known) == expected
