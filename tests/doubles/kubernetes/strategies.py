"""What each type demands of its objects, when they are created and when they change.

From pkg/apis/core/validation/validation.go, pkg/apis/core/validation/events.go and
pkg/apis/coordination/validation/validation.go of https://github.com/kubernetes/kubernetes.
"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Final

from tests.doubles.kubernetes.kinds import EVENT, LEASE, NEW_EVENT, SECRET, Kind
from tests.doubles.kubernetes.message import Body
from tests.doubles.kubernetes.statuses import (
    Flaw,
    forbidden_value,
    invalid_value,
    required,
    too_long,
)
from tests.doubles.kubernetes.validation import metadata_flaws

MOST_SECRET: Final = 1024 * 1024
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+")
_KEY_TEXT: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
    "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_REDACTED: Final = "<secret contents redacted>"
_DOCUMENTS: Final = {
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
    "kubernetes.io/dockercfg": ".dockercfg",
}
_DEMANDED: Final = {
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_LITERALS: Final = ("null", "true", "false")


def flaws(kind: Kind, body: Body, old: Body | None = None) -> list[Flaw]:
    """Return what is wrong with an object, or with a change of it."""
    found = list(metadata_flaws(kind, body))
    if kind is SECRET:
        found += [*(_change_flaws(body, old) if old else ()), *_secret_flaws(body)]
    elif kind is LEASE:
        found += _lease_flaws(body)
    elif kind in {EVENT, NEW_EVENT} and old is None:
        found += _event_flaws(kind, body)
    return found


def _change_flaws(body: Body, old: Body) -> Iterator[Flaw]:
    if body["type"] != old["type"]:
        yield invalid_value("type", body["type"], "field is immutable")
    if old.get("immutable"):
        detail = "field is immutable when `immutable` is set"
        if not body.get("immutable"):
            yield forbidden_value("immutable", detail)
        if body.get("data") != old.get("data"):
            yield forbidden_value("data", detail)


def _secret_flaws(body: Body) -> Iterator[Flaw]:
    data, size = body.get("data", {}), 0
    for key, value in data.items():
        if not _KEY.fullmatch(key) or key in {".", ".."}:
            yield invalid_value(f"data[{key}]", key, _KEY_TEXT)
        size += len(value) // 4 * 3 - value.count("=", -2)
    if size > MOST_SECRET:
        yield too_long("data", MOST_SECRET)
    type_ = body["type"]
    if type_ in _DOCUMENTS:
        yield from _document_flaws(data, _DOCUMENTS[type_])
    for key in _DEMANDED.get(type_, ()):
        if key not in data:
            yield required(f"data[{key}]")
    if type_ == "kubernetes.io/basic-auth" and not data.keys() & {"username", "password"}:
        yield required("data[username]")
        yield required("data[password]")
    if type_ == "kubernetes.io/service-account-token":
        name = "kubernetes.io/service-account.name"
        if not body["metadata"].get("annotations", {}).get(name):
            yield required(f"metadata.annotations[{name}]")


def _document_flaws(data: dict[str, str], key: str) -> Iterator[Flaw]:
    field = f"data[{key}]"
    if key not in data:
        yield required(field)
        return
    why = _unfit(base64.b64decode(data[key]))
    if why:
        yield invalid_value(field, _REDACTED, why)


def _unfit(content: bytes) -> str:
    """Return what Go's json.Unmarshal into a map says, or nothing."""
    try:
        document = json.loads(content, parse_constant=_refuse)
    except UnicodeDecodeError:
        # Go replaces what is no UTF-8.
        return _unfit(content.decode(errors="replace").encode())
    except json.JSONDecodeError as error:
        return _said(error.doc, error.pos)
    if document is None or isinstance(document, dict):
        return ""
    name = {list: "array", str: "string", bool: "bool"}.get(type(document), "number")
    return f"json: cannot unmarshal {name} into Go value of type map[string]interface {{}}"


def _refuse(name: str) -> None:
    """Refuse NaN and Infinity, which are no JSON."""
    raise json.JSONDecodeError("", name, 0)


def _said(text: str, position: int) -> str:
    rest = text[position:]
    if not rest.strip():
        return "unexpected end of JSON input"
    for literal in _LITERALS:
        if rest[0] == literal[0]:
            for found, wanted in zip(rest, literal, strict=False):
                if found != wanted:
                    return (
                        f"invalid character '{found}' in literal {literal} (expecting '{wanted}')"
                    )
    return f"invalid character '{rest[0]}' looking for beginning of value"


def _lease_flaws(body: Body) -> Iterator[Flaw]:
    spec = body["spec"]
    if spec.get("leaseDurationSeconds", 1) <= 0:
        field, value = "spec.leaseDurationSeconds", spec["leaseDurationSeconds"]
        yield invalid_value(field, value, "must be greater than 0")
    if spec.get("leaseTransitions", 0) < 0:
        field, value = "spec.leaseTransitions", spec["leaseTransitions"]
        yield invalid_value(field, value, "must be greater than or equal to 0")


def _event_flaws(kind: Kind, body: Body) -> Iterator[Flaw]:
    about = "involvedObject" if kind is EVENT else "regarding"
    namespace = body["metadata"].get("namespace", "")
    said = body.get(about, {}).get("namespace", "")
    if said != namespace and not (said == "" and namespace == "default"):
        yield invalid_value("involvedObject.namespace", said, "does not match event.namespace")
    if kind is NEW_EVENT:
        for name in ("eventTime", "reportingController", "reportingInstance", "action", "reason"):
            if not body.get(name):
                yield required(name)
        if body.get("type") not in {"Normal", "Warning"}:
            yield invalid_value("type", "", f"has invalid value: {body.get('type', '')}")
