"""Label and field selectors.

The grammar is that of k8s.io/apimachinery, pkg/labels/selector.go and pkg/fields/selector.go; see
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.doubles.kubernetes.kinds import Kind
from tests.doubles.kubernetes.message import Body
from tests.doubles.kubernetes.statuses import ApiError, bad_request

Test = Callable[[Body], bool]
_TERM: Final = re.compile(
    r"\s*(?:(?P<absent>!)\s*(?P<no>[^\s!=<>,()]+)"
    r"|(?P<key>[^\s!=<>,()]+)\s*"
    r"(?:(?P<word>\b(?:in|notin))\s*\((?P<set>[^()]*)\)"
    r"|(?P<sign>==|=|!=|>|<)\s*(?P<value>[^\s!=<>,()]*))?)"
    r"\s*(?:,|$)"
)
_FIELD: Final = re.compile(r"((?:\\.|[^\\,])*)(?:,|$)")
_FIELD_TERM: Final = re.compile(r"((?:\\.|[^\\=!])*)(==|!=|=)((?:\\.|[^\\=])*)$")
Labels = Mapping[str, str]


def by_labels(text: str) -> Callable[[Labels], bool]:
    """Return a test of labels. Raises `ApiError` 400 for what can't be parsed."""
    tests: list[Callable[[Labels], bool]] = []
    position = 0
    while position < len(text.rstrip()):
        found = _TERM.match(text, position)
        if found is None or found.end() == position:
            raise bad_request(f"unable to parse requirement: found '{text[position:]}'")
        tests.append(_requirement(found))
        position = found.end()
    if text.rstrip().endswith(","):
        raise bad_request("unable to parse requirement: found '', expected: identifier after ','")
    return lambda labels: all(test(labels) for test in tests)


def _requirement(found: re.Match[str]) -> Callable[[Labels], bool]:
    key, sign, value = found["key"], found["sign"], found["value"]
    if found["absent"]:
        return lambda labels: found["no"] not in labels
    if found["word"]:
        values = {part.strip() for part in found["set"].split(",")}
        if found["word"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if sign in {"=", "==", "!="}:
        return lambda labels: (labels.get(key) == value) is (sign != "!=")
    if sign in {"<", ">"}:
        return _compared(key, sign, value)
    return lambda labels: key in labels


def _compared(key: str, sign: str, value: str) -> Callable[[Labels], bool]:
    try:
        bound = int(value)
    except ValueError:
        raise bad_request("for 'Gt', 'Lt' operators, the value must be an integer") from None

    def test(labels: Labels) -> bool:
        held = labels.get(key, "")
        if not re.fullmatch(r"[+-]?[0-9]+", held):
            return False
        return int(held) > bound if sign == ">" else int(held) < bound

    return test


def terms(text: str) -> list[tuple[str, str, str]]:
    """Return the key, the sign (`=` or `!=`) and the value of each part of a field selector."""
    parsed = []
    for part in (found[1] for found in _FIELD.finditer(text) if found[1]):
        term = _FIELD_TERM.match(part)
        if term is None:
            raise bad_request(f"invalid field selector: {text}; can't understand '{part}'")
        key, sign, value = (re.sub(r"\\(.)", r"\1", group) for group in term.groups())
        parsed.append((key, "!=" if sign == "!=" else "=", value))
    return parsed


def exact_name(text: str) -> str:
    """Return the one name that a field selector asks for, or nothing.

    The authorizer sees it as the name of the request (RequestInfoFactory.NewRequestInfo in
    k8s.io/apiserver, pkg/endpoints/request/requestinfo.go).
    """
    try:
        parsed = terms(text)
    except ApiError:
        # What can't be parsed is refused later, by the handler.
        return ""
    names = [value for key, sign, value in parsed if key == "metadata.name" and sign == "="]
    # path.IsValidPathSegmentName
    if not names or names[0] in {".", ".."} or set(names[0]) & {"/", "%"}:
        return ""
    return names[0]


def by_fields(kind: Kind, text: str, labels: str = "") -> Test:
    """Return a test of an object. Raises `ApiError` 400 for labels that the type has not."""
    parsed = terms(text)
    known = ("metadata.name", *(["metadata.namespace"] * kind.namespaced), *kind.selectable)
    for key, _, _ in parsed:
        if key not in known:
            described = f"{kind.group}/{kind.version}, Resource={kind.resource}"
            raise bad_request(
                f'Unable to find "{described}" that match label selector "{labels}", '
                f'field selector "{text}": field label not supported: {key}'
            )
    return lambda body: all(
        (_field(body, key) == value) is (sign == "=") for key, sign, value in parsed
    )


def chosen(kind: Kind, query: Mapping[str, str]) -> Test | None:
    """Return the test that a query asks for, or None for everything."""
    fields, labels = query.get("fieldSelector", ""), query.get("labelSelector", "")
    if not fields and not labels:
        return None
    field_test, label_test = by_fields(kind, fields, labels), by_labels(labels)
    return lambda body: field_test(body) and label_test(body["metadata"].get("labels", {}))


def _field(body: Body, key: str) -> str:
    value: Any = body
    for part in key.split("."):
        value = value.get(part, {}) if isinstance(value, dict) else ""
    return value if isinstance(value, str) else ""
