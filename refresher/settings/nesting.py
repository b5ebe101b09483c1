"""Options inside of options: the names that may stand there, and which complaint helps."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from refresher.settings.tree import FieldPath


def names_at(model: type[BaseModel], known: Iterable[str], path: FieldPath) -> Iterable[str]:
    """Return the names that may stand at `path` below `model`, whose own ones are `known`."""
    if not path:
        return known
    inner = [model]
    for step in path:
        # The position in a list and the name of a union's part lead no further.
        inner = [each for one in inner for each in _models(_fields(one).get(step))] or inner
    return () if inner == [model] else [str(name) for each in inner for name in _fields(each)]


def outdone(detail: Mapping[str, Any], details: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether an option should be one of some words, but what is there is meant as another.

    An option that is a word or a mapping gets a complaint from either: of a
    mapping, what is wrong inside of it is what helps.
    """
    *place, part = detail["loc"] or ("",)
    if detail["type"] != "literal_error" or not str(part).startswith("literal["):
        return False
    others = [each["type"] for each in details if list(each["loc"][: len(place)]) == place]
    return any(kind != "literal_error" and not kind.endswith("_type") for kind in others)


def _fields(model: type[BaseModel]) -> dict[object, object]:
    fields = model.model_fields.items()
    return {field.alias or name: field.annotation for name, field in fields}


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
