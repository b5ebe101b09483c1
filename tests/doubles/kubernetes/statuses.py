"""What the server says when it refuses: documents of the kind Status.

The texts are those of k8s.io/apimachinery, pkg/api/errors/errors.go and
pkg/util/validation/field/errors.go, in
https://github.com/kubernetes/kubernetes/tree/master/staging/src/k8s.io/apimachinery.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from tests.doubles.kubernetes.kinds import Kind

_WORDS: Final = {
    "FieldValueRequired": "Required value",
    "FieldValueInvalid": "Invalid value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueNotSupported": "Unsupported value",
    "FieldValueTooLong": "Too long",
}


class ApiError(Exception):
    """A refusal. `details` with retryAfterSeconds become the header Retry-After as well."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = int(code)
        self.reason = reason
        self.message = message
        self.details = details
        self.metadata = metadata or {}

    def document(self) -> dict[str, Any]:
        """Return the body."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        return body | {"code": self.code}

    def headers(self) -> dict[str, str]:
        """Return what goes into the head (handlers/responsewriters/writers.go)."""
        seconds = (self.details or {}).get("retryAfterSeconds", 0)
        return {"Retry-After": str(seconds)} if seconds else {}


class Verbatim(str):
    """A value that is shown without quotes."""

    __slots__ = ()


@dataclass(frozen=True)
class Flaw:
    """What is wrong with a field. `value` is shown where the type of the flaw shows one."""

    type: str
    field: str
    detail: str = ""
    value: object = None

    @property
    def body(self) -> str:
        """The message without the field (field.Error.ErrorBody)."""
        text = _WORDS[self.type]
        if self.type in {"FieldValueInvalid", "FieldValueNotSupported"}:
            text += f": {_shown(self.value)}"
        return f"{text}: {self.detail}" if self.detail else text

    def cause(self) -> dict[str, str]:
        """Return the entry in `details.causes`."""
        return {"reason": self.type, "message": self.body, "field": self.field}


def required(field: str, detail: str = "") -> Flaw:
    """Return the flaw of a field that is missing."""
    return Flaw("FieldValueRequired", field, detail)


def invalid_value(field: str, value: object, detail: str) -> Flaw:
    """Return the flaw of a field that holds a wrong value."""
    return Flaw("FieldValueInvalid", field, detail, value)


def forbidden_value(field: str, detail: str) -> Flaw:
    """Return the flaw of a field that may not be set now."""
    return Flaw("FieldValueForbidden", field, detail)


def too_long(field: str, limit: int) -> Flaw:
    """Return the flaw of a field that is too long."""
    return Flaw("FieldValueTooLong", field, f"may not be more than {limit} bytes")


def invalid(name_of_kind: str, name: str, flaws: Iterable[Flaw], group: str = "") -> ApiError:
    """Return 422 with every flaw. `name_of_kind` is qualified by the group."""
    listed = list(flaws)
    texts = list(dict.fromkeys(f"{flaw.field}: {flaw.body}" for flaw in listed))
    said = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = _details(group, name_of_kind.partition(".")[0], name)
    details["causes"] = [flaw.cause() for flaw in listed]
    message = f'{name_of_kind} "{name}" is invalid: {said}'
    return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message, details=details)


def invalid_object(kind: Kind, name: str, flaws: Iterable[Flaw]) -> ApiError:
    """Return 422 about an object."""
    return invalid(kind.qualified_name, name, flaws, kind.group)


def invalid_options(options: str, flaw: Flaw) -> ApiError:
    """Return 422 about query parameters: ListOptions, PatchOptions and so on."""
    return invalid(f"{options}.meta.k8s.io", "", [flaw], "meta.k8s.io")


def not_found(kind: Kind, name: str) -> ApiError:
    """Return 404 about an object."""
    message = f'{kind.qualified} "{name}" not found'
    return _about(HTTPStatus.NOT_FOUND, "NotFound", message, kind, name)


def no_such_resource() -> ApiError:
    """Return 404 about a path below an API that the server has."""
    message = "the server could not find the requested resource"
    return ApiError(HTTPStatus.NOT_FOUND, "NotFound", message, details={})


def already_exists(kind: Kind, name: str) -> ApiError:
    """Return 409 about a name that is taken."""
    message = f'{kind.qualified} "{name}" already exists'
    return _about(HTTPStatus.CONFLICT, "AlreadyExists", message, kind, name)


def conflict(kind: Kind, name: str, why: str = "") -> ApiError:
    """Return 409 about an object that has changed since."""
    said = why or (
        "the object has been modified; "
        "please apply your changes to the latest version and try again"
    )
    message = f'Operation cannot be fulfilled on {kind.qualified} "{name}": {said}'
    return _about(HTTPStatus.CONFLICT, "Conflict", message, kind, name)


def forbidden(group: str, resource: str, name: str, why: str) -> ApiError:
    """Return 403. Without a resource it is about a path."""
    qualified = f"{resource}.{group}" if group else resource
    subject = f'{qualified} "{name}" is ' if name else f"{qualified} is " if qualified else ""
    details = _details(group, resource, name)
    message = f"{subject}forbidden: {why}"
    return ApiError(HTTPStatus.FORBIDDEN, "Forbidden", message, details=details)


def unauthorized() -> ApiError:
    """Return 401, which tells nothing."""
    return ApiError(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized")


def bad_request(message: str) -> ApiError:
    """Return 400."""
    return ApiError(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def expired(message: str, **metadata: str) -> ApiError:
    """Return 410: what was asked for is no longer kept."""
    return ApiError(HTTPStatus.GONE, "Expired", message, metadata=metadata)


def too_many_requests(seconds: int) -> ApiError:
    """Return 429 as a Status."""
    message = "Too many requests, please try again later."
    details = {"retryAfterSeconds": seconds}
    return ApiError(HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequests", message, details=details)


def too_large_version(asked: int, current: int) -> ApiError:
    """Return 504: a resourceVersion that is still to come (pkg/storage/errors.go)."""
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    details = {"causes": [cause], "retryAfterSeconds": 1}
    return ApiError(HTTPStatus.GATEWAY_TIMEOUT, "Timeout", message, details=details)


def _about(code: int, reason: str, message: str, kind: Kind, name: str) -> ApiError:
    return ApiError(code, reason, message, details=_details(kind.group, kind.resource, name))


def _details(group: str, kind: str, name: str) -> dict[str, Any]:
    return {
        key: value for key, value in (("name", name), ("group", group), ("kind", kind)) if value
    }


def _shown(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, Verbatim):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
