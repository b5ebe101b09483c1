"""The states of rows, and the steps between them."""

import pytest

from refresher.errors import PermanentError
from refresher.model.registered import RowState
from refresher.model.transitions import changes

ACTIVE, INACTIVE, REMOVED = RowState.ACTIVE, RowState.INACTIVE, RowState.REMOVED


@pytest.mark.parametrize(
    ("state", "wanted", "changed"),
    [
        (ACTIVE, ACTIVE, False),
        (ACTIVE, INACTIVE, True),
        (INACTIVE, INACTIVE, False),
        (INACTIVE, ACTIVE, True),
        (INACTIVE, REMOVED, True),
        (REMOVED, REMOVED, False),
        ("by hand", ACTIVE, True),
        ("by hand", REMOVED, True),
    ],
)
def test_a_step_changes_something_or_not(state: str, wanted: RowState, *, changed: bool) -> None:
    """What is there already changes nothing; any state repairs what is none."""
    assert changes("it", state, wanted) is changed


@pytest.mark.parametrize(
    ("state", "wanted", "words"),
    [
        (ACTIVE, REMOVED, "registry a.example is active, and can't be removed"),
        (REMOVED, ACTIVE, "registry a.example is removed"),
        (REMOVED, INACTIVE, "registry a.example is removed"),
    ],
)
def test_some_steps_are_refused(state: RowState, wanted: RowState, words: str) -> None:
    """The error says of what, and what to do."""
    with pytest.raises(PermanentError, match=words) as caught:
        changes("registry a.example", state, wanted)
    assert caught.value.hint
