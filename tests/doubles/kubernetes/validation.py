"""What every object must be: names, labels, annotations, owners.

From k8s.io/apimachinery, pkg/util/validation/validation.go and pkg/api/validation/objectmeta.go.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from tests.doubles.kubernetes.kinds import NAMESPACE, Kind
from tests.doubles.kubernetes.message import Body
from tests.doubles.kubernetes.statuses import Flaw, invalid_value, required, too_long

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE: Final = f"({_QUALIFIED})?"
_MOST_ANNOTATIONS: Final = 256 * 1024
_MOST_SUBDOMAIN: Final = 253
_MOST_LABEL: Final = 63
_USED: Final = "regex used for validation is"
_LABEL_TEXT: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "
    f"{_USED} '{_LABEL}')"
)
_SUBDOMAIN_TEXT: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', "
    f"{_USED} '{_SUBDOMAIN}')"
)
_QUALIFIED_TEXT: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', "
    f"{_USED} '{_QUALIFIED}')"
)
_VALUE_TEXT: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', "
    f" or '12345', {_USED} '{_VALUE}')"
)
_NAME_NEEDED: Final = "name or generateName is required"


def metadata_flaws(kind: Kind, body: Body) -> Iterator[Flaw]:
    """Find what is wrong with the metadata of an object."""
    metadata = body["metadata"]
    name = metadata.get("name", "")
    if not name:
        yield required("metadata.name", _NAME_NEEDED)
    else:
        yield from name_flaws(name, "metadata.name", label=kind is NAMESPACE)
    yield from _label_flaws(metadata.get("labels", {}))
    yield from _annotation_flaws(metadata.get("annotations", {}))
    for owner in metadata.get("ownerReferences", ()):
        yield from _owner_flaws(owner)


def name_flaws(name: str, field: str, *, label: bool = False) -> Iterator[Flaw]:
    """Find what is wrong with a name: an RFC 1123 subdomain, or a label for namespaces."""
    limit = _MOST_LABEL if label else _MOST_SUBDOMAIN
    if len(name) > limit:
        yield invalid_value(field, name, f"must be no more than {limit} bytes")
    if not re.fullmatch(_LABEL if label else _SUBDOMAIN, name):
        yield invalid_value(field, name, _LABEL_TEXT if label else _SUBDOMAIN_TEXT)


def _label_flaws(labels: dict[str, str]) -> Iterator[Flaw]:
    for key, value in labels.items():
        yield from _key_flaws(key, "metadata.labels")
        if len(value) > _MOST_LABEL:
            detail = f"must be no more than {_MOST_LABEL} bytes"
            yield invalid_value("metadata.labels", value, detail)
        if not re.fullmatch(_VALUE, value):
            yield invalid_value("metadata.labels", value, _VALUE_TEXT)


def _annotation_flaws(annotations: dict[str, str]) -> Iterator[Flaw]:
    for key in annotations:
        yield from _key_flaws(key.lower(), "metadata.annotations", shown=key)
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > _MOST_ANNOTATIONS:
        yield too_long("metadata.annotations", _MOST_ANNOTATIONS)


def _key_flaws(key: str, field: str, *, shown: str = "") -> Iterator[Flaw]:
    prefix, slash, name = key.rpartition("/")
    shown = shown or key
    if slash and not prefix:
        yield invalid_value(field, shown, "prefix part must be non-empty")
    elif slash and not re.fullmatch(_SUBDOMAIN, prefix):
        yield invalid_value(field, shown, f"prefix part {_SUBDOMAIN_TEXT}")
    if not name:
        yield invalid_value(field, shown, "name part must be non-empty")
    elif len(name) > _MOST_LABEL:
        detail = f"name part must be no more than {_MOST_LABEL} bytes"
        yield invalid_value(field, shown, detail)
    if not re.fullmatch(_QUALIFIED, name):
        yield invalid_value(field, shown, _QUALIFIED_TEXT)


def _owner_flaws(owner: dict[str, Any]) -> Iterator[Flaw]:
    for name in ("apiVersion", "kind", "name", "uid"):
        if not owner.get(name):
            field, said = f"metadata.ownerReferences.{name}", name
            yield invalid_value(field, owner.get(name, ""), f"{said} must not be empty")
