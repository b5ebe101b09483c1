"""From the bytes of a request to an object as it would be stored.

What can't be decoded is 400, see transformDecodeError in k8s.io/apiserver,
pkg/endpoints/handlers/rest.go. Unknown fields are dropped and named in a header Warning, or refused
with fieldValidation=Strict (https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation).
Only top-level fields and those of `metadata` are looked at.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from tests.doubles.kubernetes.kinds import LEASE, SECRET, SERVICE_ACCOUNT, Kind
from tests.doubles.kubernetes.message import JSON, Body, Request
from tests.doubles.kubernetes.statuses import ApiError, bad_request

MOST_BYTES: Final = 3 * 1024 * 1024
"""The limit of a request's body (k8s.io/apiserver, pkg/server/config.go, MaxRequestBodyBytes)."""
_SHOWN: Final = 30
_METADATA: Final = frozenset(
    {
        "name",
        "generateName",
        "namespace",
        "selfLink",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "labels",
        "annotations",
        "ownerReferences",
        "finalizers",
        "managedFields",
    }
)
_MICRO_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)", re.ASCII)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*")


def parsed(request: Request, what: str) -> Any:
    """Return the JSON of a body. Raises `ApiError` 400, 413 or 415."""
    if len(request.content) > MOST_BYTES:
        message = f"Request entity too large: limit is {MOST_BYTES}"
        code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        raise ApiError(code, "RequestEntityTooLarge", message)
    if request.method in {"POST", "PUT"} and request.media_type != JSON:
        message = (
            "the body of the request was in an unknown format - "
            "accepted media types include: application/json, application/yaml, "
            "application/vnd.kubernetes.protobuf"
        )
        code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        raise ApiError(code, "UnsupportedMediaType", message)
    try:
        return json.loads(request.content)
    except ValueError:
        # The real server shows the beginning of the body as well, secrets and all.
        shown = request.content[:_SHOWN].decode(errors="replace")
        raise bad_request(
            f"the object provided is unrecognized (must be of type {what}): couldn't get "
            f"version/kind; json parse error: invalid character ({shown} ...)"
        ) from None


def typed(kind: Kind, document: Any, *, strict: bool = False) -> tuple[Body, list[str]]:
    """Return the object, and the fields that were dropped. Raises `ApiError` 400."""
    if not isinstance(document, dict):
        raise _unfit(kind, f"json: cannot unmarshal {_go(document)} into Go value")
    said = (document.get("apiVersion", kind.api_version), document.get("kind", kind.name))
    if said != (kind.api_version, kind.name):
        message = f'{said[1]} in version "{said[0]}" cannot be handled as a {kind.name}'
        raise bad_request(f"{message}: converting is not possible")
    body: Body = {"metadata": {}}
    dropped: list[str] = []
    for name, value in document.items():
        if name in {"apiVersion", "kind"} or value is None:
            continue
        if name == "metadata":
            body["metadata"] = _metadata(kind, value, dropped)
        elif name in kind.fields:
            body[name] = value
        else:
            dropped.append(name)
    if dropped and strict:
        said_so = ", ".join(f'unknown field "{name}"' for name in dropped)
        raise _unfit(kind, f"strict decoding error: {said_so}")
    _SPECIAL.get(kind, _nothing)(kind, body)
    return body, dropped


def defaulted(kind: Kind, body: Body) -> Body:
    """Add what the server sets where nothing is said (pkg/apis/core/v1/defaults.go)."""
    if kind is SECRET:
        body["type"] = body.get("type") or "Opaque"
    return body


def _metadata(kind: Kind, value: Any, dropped: list[str]) -> Body:
    if not isinstance(value, dict):
        raise _mistyped(kind, value, "ObjectMeta", "metadata", "v1.ObjectMeta")
    dropped.extend(f"metadata.{name}" for name in value if name not in _METADATA)
    kept = {name: held for name, held in value.items() if name in _METADATA and held is not None}
    for name in ("labels", "annotations"):
        texts(kind, kept, name, "ObjectMeta.metadata")
    for name in ("name", "generateName", "namespace", "uid", "resourceVersion"):
        if not isinstance(kept.get(name, ""), str):
            raise _mistyped(kind, kept[name], "ObjectMeta", f"metadata.{name}", "string")
    return {name: held for name, held in kept.items() if held not in ("", {}, [])}


def texts(kind: Kind, holder: Body, name: str, where: str) -> None:
    """Insist that a field is a map of texts."""
    held = holder.get(name, {})
    if not isinstance(held, dict):
        raise _mistyped(kind, held, where, name, "map[string]string")
    for key, value in held.items():
        if value is None:
            held[key] = ""
        elif not isinstance(value, str):
            raise _mistyped(kind, value, where, name, "string")


def _secret(kind: Kind, body: Body) -> None:
    texts(kind, body, "data", "Secret")
    texts(kind, body, "stringData", "Secret")
    data = body.get("data", {})
    for key, value in data.items():
        _whole(kind, value)
        data[key] = value.replace("\r", "").replace("\n", "")
    # Write-only; see https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/
    for key, value in body.pop("stringData", {}).items():
        data[key] = base64.b64encode(value.encode()).decode()
    body.pop("data", None)
    if data:
        body["data"] = data
    if not isinstance(body.get("immutable", False), bool):
        raise _mistyped(kind, body["immutable"], "Secret", "immutable", "bool")


def _whole(kind: Kind, value: str) -> None:
    try:
        base64.b64decode(value.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        found = _BASE64.match(value)
        at = found.end() if found else 0
        raise _unfit(kind, f"illegal base64 data at input byte {at}") from None


def _account(kind: Kind, body: Body) -> None:
    for name in ("secrets", "imagePullSecrets"):
        held = body.get(name, [])
        if not isinstance(held, list) or not all(isinstance(one, dict) for one in held):
            raise _mistyped(kind, held, "ServiceAccount", name, "v1.LocalObjectReference")
        if not held:
            body.pop(name, None)


def _lease(kind: Kind, body: Body) -> None:
    """Read the times: with six digits, or it is refused (MicroTime in meta/v1/micro_time.go)."""
    spec = body.setdefault("spec", {})
    for name in [name for name, value in spec.items() if value is None]:
        del spec[name]
    for name in ("acquireTime", "renewTime"):
        if name not in spec:
            continue
        text = spec[name]
        if not isinstance(text, str) or not _MICRO_TIME.fullmatch(text):
            layout = "2006-01-02T15:04:05.000000Z07:00"
            raise _unfit(kind, f'parsing time "{text}" as "{layout}": cannot parse')
        spec[name] = f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    for name in ("leaseDurationSeconds", "leaseTransitions"):
        if type(spec.get(name, 0)) is not int:
            raise _mistyped(kind, spec[name], "LeaseSpec", f"spec.{name}", "int32")


def _nothing(_kind: Kind, _body: Body) -> None:
    """Take an object as it is."""


_SPECIAL: Final[dict[Kind, Callable[[Kind, Body], None]]] = {
    SECRET: _secret,
    SERVICE_ACCOUNT: _account,
    LEASE: _lease,
}


def _unfit(kind: Kind, why: str) -> ApiError:
    version = kind.version
    return bad_request(
        f'{kind.name} in version "{version}" cannot be handled as a {kind.name}: {why}'
    )


def _mistyped(kind: Kind, value: object, struct: str, field: str, wanted: str) -> ApiError:
    where = f"{struct}.{field}"
    return _unfit(
        kind, f"json: cannot unmarshal {_go(value)} into Go struct field {where} of type {wanted}"
    )


def _go(value: object) -> str:
    names = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")
