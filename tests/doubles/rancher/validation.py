"""The checks of what is written, as the schemas demand them."""

from typing import Any

from tests.doubles.rancher import ids
from tests.doubles.rancher.errors import unprocessable
from tests.doubles.rancher.kinds import Field


def accepted(fields: tuple[Field, ...], given: dict[str, Any], *, creating: bool) -> dict[str, Any]:
    """Return what may be written of `given`, as text.

    What nobody knows or may set is dropped without a word. Raises `ApiError` 422.
    """
    settable = {one.name: one for one in fields if (one.create if creating else one.update)}
    kept = {
        name: _checked(settable[name], value) for name, value in given.items() if name in settable
    }
    for one in settable.values():
        if creating and one.required and one.name not in kept:
            raise unprocessable("MissingRequired", one.name)
    return kept


def _checked(field: Field, value: Any) -> Any:
    if value is None:
        if not field.nullable:
            raise unprocessable("NotNullable", field.name)
        return None
    if field.type == "reference":
        number = ids.number(str(value))
        if number is None:
            raise unprocessable("InvalidReference", field.name)
        return number
    text = value if isinstance(value, str) else str(value)
    if field.min_length is not None and len(text) < field.min_length:
        raise unprocessable("MinLengthExceeded", field.name)
    if field.max_length is not None and len(text) > field.max_length:
        raise unprocessable("MaxLengthExceeded", field.name)
    return text
