"""Google on loopback: the token endpoint, the token exchange, IAM and the metadata server.

    with GoogleDouble() as google:
        key = google.service_account_key()
        ...
        assert google.calls["token"] == 1

It answers as the services do, with a settable life and `Date`, counts calls by
operation, keeps every request, and gives queued faults first. Signatures are
not checked.
"""

import json
import ssl
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

EMAIL: Final = "puller@acme.iam.gserviceaccount.com"
_OPERATIONS: Final = {
    "/token": "token",
    "/v1/token": "exchange",
    "/subject": "subject",
    "/computeMetadata/v1/instance/service-accounts/default/": "account",
    "/computeMetadata/v1/instance/service-accounts/default/token": "metadata",
}


@dataclass(frozen=True)
class Fault:
    """An answer in the place of a token: `hang` keeps silent, `cut` hangs up, `drip` is slow."""

    status: int = 500
    body: object = ""
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    cut: bool = False
    drip: bool = False


def refusal(error: str, description: str = "", status: int = 400) -> Fault:
    """Return a refusal of the token endpoint (RFC 6749, section 5.2)."""
    return Fault(status, {"error": error, "error_description": description})


def iam_refusal(status: int, kind: str) -> Fault:
    """Return a refusal of an API of Google Cloud."""
    return Fault(status, {"error": {"code": status, "status": kind, "message": "canary-message"}})


@dataclass(frozen=True)
class Call:
    """A request that came in."""

    operation: str
    path: str
    headers: dict[str, str]
    form: dict[str, str]
    body: bytes = b""


def new_key(bits: int = 2048) -> str:
    """Return a new RSA private key as Google makes them: PKCS #8 PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


class GoogleDouble:
    """The server.

    `life` (seconds) and `date_offset` (of its clock against the local one) leave
    out what they are about where they are None.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.life: Any = 3599
        self.date_offset: float | None = 0.0
        self.fixed_token: str | None = None
        self.faults: deque[Fault] = deque()
        self.calls: Counter[str] = Counter()
        self.seen: list[Call] = []
        self.released = threading.Event()
        self._count = 0
        self._scheme = "https" if context else "http"
        self._server = _Server(self)
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self) -> str:
        """The host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{self._scheme}://{self.host}"

    def service_account_key(self, pem: str) -> dict[str, Any]:
        """Return the fields of a key file whose tokens come from here."""
        return {
            "type": "service_account",
            "project_id": "acme",
            "private_key_id": "0123456789abcdef0123456789abcdef01234567",
            "private_key": pem,
            "client_email": EMAIL,
            "client_id": "104857600000000000000",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": f"{self.url}/token",
            "universe_domain": "googleapis.com",
        }

    def person(self) -> dict[str, Any]:
        """Return the fields of a login as gcloud writes it."""
        return {
            "type": "authorized_user",
            "client_id": "client.apps.googleusercontent.com",
            "client_secret": "canary-client-secret",
            "refresh_token": "canary-refresh-token",
            "token_uri": f"{self.url}/token",
        }

    def external_account(self, **source: object) -> dict[str, Any]:
        """Return a workload identity federation, by default with a subject token from here."""
        return {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/"
            "workloadIdentityPools/pool/providers/acme",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{self.url}/v1/token",
            "credential_source": source or {"url": f"{self.url}/subject"},
        }

    def impersonation_url(self, email: str = EMAIL) -> str:
        """Return where a token for `email` comes from."""
        return f"{self.url}/v1/projects/-/serviceAccounts/{email}:generateAccessToken"

    def token(self) -> str:
        """Return the next access token."""
        self._count += 1
        return self.fixed_token or f"ya29.canary-token-{self._count}-{'x' * 900}"

    def now(self) -> datetime:
        """Return the time by the server's clock."""
        return datetime.now(UTC) + timedelta(seconds=self.date_offset or 0.0)

    def answer(self, operation: str) -> object:
        """Return what a healthy service says."""
        if operation == "subject":
            return "canary-subject-token"
        if operation == "account":
            return {"email": EMAIL, "scopes": ["a"], "aliases": ["default"]}
        if operation == "impersonate":
            end = (self.now() + timedelta(seconds=self.life)).strftime("%Y-%m-%dT%H:%M:%SZ")
            return {"accessToken": self.token(), "expireTime": end}
        fields = {"access_token": self.token(), "token_type": "Bearer"}
        return fields if self.life is None else {**fields, "expires_in": self.life}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, double: GoogleDouble) -> None:
        self.double = double
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        double = self.server.double
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        operation = _OPERATIONS.get(urlsplit(self.path).path, "impersonate")
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        double.calls[operation] += 1
        double.seen.append(Call(operation, self.path, headers, form, body))
        if double.faults:
            self._fail(double.faults.popleft())
        else:
            self._reply(Fault(200, double.answer(operation)))

    def _fail(self, fault: Fault) -> None:
        if fault.hang:
            self.server.double.released.wait(30)
        elif fault.drip:
            self._drip()
        elif not fault.cut:
            self._reply(fault)

    def _drip(self) -> None:
        self.send_response_only(200)
        self.send_header("Content-Length", "5000")
        self.end_headers()
        while not self.server.double.released.wait(0.02):
            self.wfile.write(b" ")

    def _reply(self, fault: Fault) -> None:
        double = self.server.double
        is_json = not isinstance(fault.body, bytes | str)
        text = json.dumps(fault.body) if is_json else fault.body
        raw = text if isinstance(text, bytes) else str(text).encode()
        self.send_response_only(fault.status)
        headers = {
            "Content-Type": "application/json" if is_json else "text/plain",
            "Content-Length": str(len(raw)),
        }
        if double.date_offset is not None:
            headers["Date"] = format_datetime(double.now(), usegmt=True)
        if self.path.startswith("/computeMetadata"):
            headers["Metadata-Flavor"] = "Google"
        for name, value in (headers | fault.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
