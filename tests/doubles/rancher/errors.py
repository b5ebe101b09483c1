"""What Cattle says when it refuses: a status and a code, and for a bad value the field."""

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

_CODES: Final[Mapping[int, str]] = MappingProxyType(
    {
        HTTPStatus.UNAUTHORIZED: "Unauthorized",
        HTTPStatus.FORBIDDEN: "Forbidden",
        HTTPStatus.NOT_FOUND: "Not Found",
        HTTPStatus.METHOD_NOT_ALLOWED: "Method not allowed",
        HTTPStatus.CONFLICT: "Conflict",
        HTTPStatus.INTERNAL_SERVER_ERROR: "Internal Server Error",
    }
)


class ApiError(Exception):
    """A refusal. A status alone gives its code and message the words of messages.properties."""

    def __init__(
        self,
        status: int,
        code: str | None = None,
        *,
        field: str | None = None,
        message: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Take the status and, where it has a name of its own, the code."""
        words = _CODES.get(status, HTTPStatus(status).phrase)
        super().__init__(code or words)
        self.status = int(status)
        self.code = code or words
        self.field = field
        self.message = message if code else words
        self.headers = dict(headers or {})

    def document(self) -> dict[str, object]:
        """Return the body of the answer."""
        body: dict[str, object] = {
            "id": str(uuid.uuid4()),
            "type": "error",
            "links": {},
            "actions": {},
            "baseType": "error",
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "detail": None,
        }
        return body if self.field is None else {**body, "fieldName": self.field}


def unprocessable(code: str, field: str) -> ApiError:
    """Return the refusal of a value or an action; it has no message."""
    return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, code, field=field)
