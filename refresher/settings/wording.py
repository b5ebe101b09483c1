"""What is wrong with settings, in plain words: never a value, for any may be a secret."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from refresher.errors import Problem
from refresher.model.nearest import nearest as near
from refresher.settings.nesting import outdone
from refresher.settings.tree import FieldPath, Node, field_name, name_in, shown

_SHORTEST_SECRET: Final = 8
# pydantic names what it checks by Python's words: "Input should be ...", "Tuple should have ...".
_SUBJECT: Final = re.compile(r"^\w+ should ")
_AFTER_VALIDATION: Final = re.compile(r" after validation, not \d+$")

_SLIPS: Final[Mapping[str, str]] = {
    ":": "a space is missing after ':'",
    "=": "': ' is needed in the place of '='",
}

_WORDS: Final[Mapping[str, str]] = {
    "missing": "is required",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "path_type": "must be a path",
    "dict_type": "must be a mapping: names, each with a value",
    "model_type": "must be a mapping: names, each with a value",
    "list_type": "must be a list, for example [one, two]",
    "tuple_type": "must be a list, for example [one, two]",
    "set_type": "must be a list, for example [one, two]",
    "frozen_set_type": "must be a list, for example [one, two]",
}


def complaints(
    error: ValidationError,
    root: Node,
    at: FieldPath,
    known: Callable[[FieldPath], Iterable[str]],
    *,
    ours: bool,
) -> Iterator[Problem]:
    """Yield what pydantic found in the part of `root` that stands at `at`.

    `known` tells which names may stand at a path below. Validators of `ours` never
    repeat a value; what those of other packages say is looked through.
    """
    details = error.errors(include_url=False, include_input=False)
    for detail in details:
        if outdone(detail, details):
            continue
        here, node = root.follow((*at, *detail["loc"]))
        last = detail["loc"][-1:]
        if detail["type"] == "missing":
            here += last
        elif detail["type"] == "extra_forbidden":
            names = known(detail["loc"][:-1])
            yield Problem(unknown(str(last[0]), names), field_name(here), node.line)
            continue
        elif node.value is None:
            yield Problem(
                "has no value: give one, or take the line out", field_name(here), node.line
            )
            continue
        message = _words(detail)
        yield Problem(message if ours else _masked(message, node), field_name(here), node.line)


def unknown(name: str, known: Iterable[str]) -> str:
    """Return what to say of a name that no setting has."""
    names, start = set(known), name_in(name)
    slip = _SLIPS.get(name[len(start) : len(start) + 1], "")
    if start in names:
        return slip or "holds a character that no name has"
    return ("; " if slip else "").join((slip, f"is no known setting{nearest(start, names)}"))


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?` with the known name nearest to `name`, else all of them."""
    names = sorted(map(shown, known))
    return near(name, names) or (f"; known: {', '.join(names)}" if names else "")


def ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems by line, the first one of each field alone: the others follow from it."""
    first: dict[object, Problem] = {}
    for problem in problems:
        first.setdefault((problem.line, problem.field) if problem.field else problem, problem)
    return tuple(sorted(first.values(), key=lambda problem: problem.line or 0))


def _words(detail: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _WORDS:
        return _WORDS[kind]
    if kind in ("literal_error", "enum"):
        return f"must be {context['expected'].replace(chr(39), '')}"
    if kind in ("value_error", "assertion_error"):
        return str(context["error"]) or "is not accepted"
    words = _AFTER_VALIDATION.sub("", _SUBJECT.sub("must ", detail["msg"]))
    return words[:1].lower() + words[1:]


def _masked(message: str, node: Node) -> str:
    # Validators like to repeat what they refuse, mostly in front.
    for text in node.texts():
        if len(text) >= _SHORTEST_SECRET:
            message = message.removeprefix(f"{text}: ").removeprefix(f"{text} ")
            message = message.replace(text, "***")
    return message
