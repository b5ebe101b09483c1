"""Which state a row of the registry page may take."""

from refresher.errors import PermanentError
from refresher.model.registered import RowState


def changes(what: str, state: str, wanted: RowState) -> bool:
    """Tell whether `wanted` differs from the state of `what`.

    Raises `PermanentError` for a step that Rancher 1.x answers with 405: what is
    active can't be removed, and what is removed stays so.
    """
    if state == wanted:
        return False
    if state == RowState.REMOVED:
        raise removed(what)
    if state == RowState.ACTIVE and wanted is RowState.REMOVED:
        raise PermanentError(
            f"{what} is active, and can't be removed", hint="deactivate it first, then remove it"
        )
    # Whatever else a person wrote there, it is not in use: any state repairs it.
    return True


def removed(what: str) -> PermanentError:
    """Return the error of a change to what is removed."""
    return PermanentError(f"{what} is removed", hint="add it again: what is removed stays so")
