"""The good answers of the AWS double: what the services say when nothing is wrong."""

import base64
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

NO_EXPIRY: Final = object()
"""Leaves `expiresAt` out of the answer."""

_SCOPE: Final = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
_ROLE_ACCOUNT: Final = re.compile(r"^arn:aws[a-z-]*:iam::(\d{12}):")


@dataclass(frozen=True)
class Call:
    """One request: `headers` in lower case, `form` from the query or a form body."""

    operation: str
    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]
    body: str

    @property
    def access_key(self) -> str:
        """The access key ID that signed the request, or nothing."""
        return self._scope()[0]

    @property
    def region(self) -> str:
        """The region that the request was signed for, or nothing."""
        return self._scope()[1]

    @property
    def service(self) -> str:
        """The service that the request was signed for, or nothing."""
        return self._scope()[2]

    def _scope(self) -> tuple[str, str, str]:
        match = _SCOPE.search(self.headers.get("authorization", ""))
        return (match[1], match[2], match[3]) if match else ("", "", "")


@dataclass(frozen=True)
class Reply:
    """A good answer."""

    kind: str
    body: bytes
    status: int = 200


@dataclass
class Answers:
    """What good answers hold. All may be changed while the double serves.

    `lifetime` and `date_offset` are seconds. `authorization_token`, `expires_at`
    and `authorization_data` replace what would be made of them.
    """

    lifetime: float = 43_200.0
    token_size: int = 2_700
    date_offset: float = 0.0
    account: str = "123456789012"
    session_lifetime: float = 3_600.0
    proxy_endpoint: str | None = None
    authorization_token: str | None = None
    expires_at: Any = None
    authorization_data: Any = None
    role_name: str = "node-role"
    passwords: list[str] = field(default_factory=list)
    accounts: dict[str, str] = field(default_factory=dict)

    def to(self, call: Call) -> Reply:  # noqa: PLR0911 - one line per operation
        """Return the answer to a call."""
        match call.operation:
            case "GetAuthorizationToken":
                data = self._authorization(call)
                return _json({"authorizationData": data}, "application/x-amz-json-1.1")
            case "AssumeRole" | "AssumeRoleWithWebIdentity":
                return self._assumed(call)
            case "GetCallerIdentity":
                return _xml(call, f"<Account>{self._account(call)}</Account>")
            case "ImdsToken" | "ImdsRoles":
                text = "imds-token" if call.operation == "ImdsToken" else self.role_name
                return Reply("text/plain", text.encode())
            case "ImdsCredentials" | "ContainerCredentials":
                return _json(self._session())
            case "GetRoleCredentials":
                return _json(self._sso_session())
            case _:
                return Reply("text/plain", b"not found", 404)

    def new_password(self) -> str:
        """Return a password of `token_size` characters and keep it in `passwords`."""
        password = secrets.token_urlsafe(self.token_size)[: self.token_size]
        self.passwords.append(password)
        return password

    def _authorization(self, call: Call) -> Any:
        if self.authorization_data is not None:
            return self.authorization_data
        token = self.authorization_token
        if token is None:
            token = base64.b64encode(f"AWS:{self.new_password()}".encode()).decode()
        data: dict[str, Any] = {"authorizationToken": token}
        if self.expires_at is None:
            data["expiresAt"] = round(self._later(self.lifetime), 3)
        elif self.expires_at is not NO_EXPIRY:
            data["expiresAt"] = self.expires_at
        if call.service == "ecr-public":
            return data
        endpoint = self.proxy_endpoint
        if endpoint is None:
            endpoint = f"https://{self._account(call)}.dkr.ecr.{call.region}.amazonaws.com"
        return [{**data, "proxyEndpoint": endpoint}]

    def _account(self, call: Call) -> str:
        return self.accounts.get(call.access_key, self.account)

    def _later(self, seconds: float) -> float:
        return time.time() + self.date_offset + seconds

    def _assumed(self, call: Call) -> Reply:
        key = f"ASIA{secrets.token_hex(8).upper()}"
        owner = _ROLE_ACCOUNT.match(call.form.get("RoleArn", ""))
        self.accounts[key] = owner[1] if owner else self.account
        seconds = float(call.form.get("DurationSeconds", 3_600))
        return _xml(
            call,
            f"<Credentials><AccessKeyId>{key}</AccessKeyId>"
            "<SecretAccessKey>assumed-secret-key</SecretAccessKey>"
            "<SessionToken>assumed-session-token</SessionToken>"
            f"<Expiration>{_iso(self._later(seconds))}</Expiration></Credentials>"
            f"<AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId>"
            f"<Arn>{call.form.get('RoleArn', '')}/x</Arn></AssumedRoleUser>",
        )

    def _session(self) -> dict[str, str]:
        return {
            "Code": "Success",
            "AccessKeyId": "ASIAMETADATA00000000",
            "SecretAccessKey": "metadata-secret-key",
            "Token": "metadata-session-token",
            "Expiration": _iso(self._later(self.session_lifetime)),
        }

    def _sso_session(self) -> dict[str, Any]:
        return {
            "roleCredentials": {
                "accessKeyId": "ASIASSO0000000000000",
                "secretAccessKey": "sso-secret-key",
                "sessionToken": "sso-session-token",
                "expiration": round(self._later(self.session_lifetime) * 1000),
            }
        }


def _json(document: Any, kind: str = "application/json") -> Reply:
    return Reply(kind, json.dumps(document).encode())


def _xml(call: Call, result: str) -> Reply:
    name = call.operation
    text = f"<{name}Response><{name}Result>{result}</{name}Result></{name}Response>"
    return Reply("text/xml", text.encode())


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
