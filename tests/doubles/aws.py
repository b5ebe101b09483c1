"""AWS on loopback: ECR, ECR Public, STS, SSO, the instance metadata and container credentials.

    with AwsDouble() as aws:
        os.environ.update(aws.environment())
        ...
        assert aws.calls("GetAuthorizationToken") == 1

It answers as the services do, with settable lifetimes and sizes, keeps every
request, and gives queued faults first (`tests.doubles.aws_faults`). Signatures are not checked;
the key of a request tells its account, as keys from AssumeRole belong to the account of the role.

As a process of its own, for measurements: `python -m tests.doubles.aws --port-file F`.
"""

import argparse
import email.utils
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

from tests.doubles.aws_answers import Answers, Call, Reply
from tests.doubles.aws_faults import Fault

_SERVICES: Final = ("ECR", "ECR_PUBLIC", "STS", "SSO")
_TRUST: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_OPERATIONS: Final = {
    "/latest/api/token": "ImdsToken",
    "/latest/meta-data/iam/security-credentials/": "ImdsRoles",
    "/container-credentials": "ContainerCredentials",
    "/federation/credentials": "GetRoleCredentials",
}


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what could lead a process to AWS, other CAs or proxies."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("AWS_")
        and not name.lower().endswith(("_proxy", "_ca_bundle"))
        and name not in _TRUST
    }


def environment(url: str) -> dict[str, str]:
    """Return the environment variables that send every AWS call of a process to `url`.

    They give dummy keys, and shut out the AWS files, the metadata and the proxies of the machine.
    """
    return {
        **{f"AWS_ENDPOINT_URL_{service}": url for service in _SERVICES},
        "AWS_ACCESS_KEY_ID": "AKIADUMMYDUMMYDUMMY0",
        "AWS_SECRET_ACCESS_KEY": "dummy-secret-access-key",
        "AWS_CONFIG_FILE": "/nonexistent/aws/config",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/aws/credentials",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


class AwsDouble:
    """A server on 127.0.0.1 that plays AWS. Use it as a context manager.

    `answers` says what good answers hold; `requests` keeps what was asked, in order.
    """

    def __init__(
        self, *, answers: Answers | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        """Bind a free port. With `tls` it speaks HTTPS."""
        self.answers = answers or Answers()
        self.requests: list[Call] = []
        self._faults: deque[tuple[str, Fault]] = deque()
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._server = _Server(self)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.005,), daemon=True
        )

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let hanging connections go and stop."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def environment(self) -> dict[str, str]:
        """Return `environment` for this server."""
        return environment(self.url)

    def fail(self, fault: Fault, times: int = 1, *, on: str = "GetAuthorizationToken") -> None:
        """Answer the next `times` calls of the operation `on` with `fault`."""
        with self._lock:
            self._faults.extend([(on, fault)] * times)

    def calls(self, operation: str = "GetAuthorizationToken") -> int:
        """Return how often `operation` was called."""
        with self._lock:
            return sum(call.operation == operation for call in self.requests)

    def last(self, operation: str = "GetAuthorizationToken") -> Call:
        """Return the latest call of `operation`."""
        with self._lock:
            return [call for call in self.requests if call.operation == operation][-1]

    def take(self, call: Call) -> Fault | Reply:
        """Keep a call and return its answer."""
        with self._lock:
            self.requests.append(call)
            for entry in self._faults:
                if entry[0] == call.operation:
                    self._faults.remove(entry)
                    return entry[1]
            return self.answers.to(call)

    def wait_for_release(self, seconds: float | None = None) -> bool:
        """Hang until the server stops, `seconds` at most. Return whether it stops."""
        return self._released.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Hanging connections end when their client goes; waiting for them would stall every stop.
    block_on_close = False

    def __init__(self, double: AwsDouble) -> None:
        self.double = double
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        answer = self.server.double.take(self._call())
        if isinstance(answer, Fault):
            self._fail(answer)
        else:
            offset = self.server.double.answers.date_offset
            self._send(answer.status, answer.kind, answer.body, {"Date": _date(offset)})

    def _call(self) -> Call:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        parts = urlsplit(self.path)
        query = parts.query or body
        form = {name: values[0] for name, values in parse_qs(query).items()}
        target = self.headers.get("X-Amz-Target", "")
        headers = {name.lower(): value for name, value in self.headers.items()}
        operation = target.rpartition(".")[2] or form.get("Action") or _path_operation(parts.path)
        return Call(operation, parts.path, headers, form, body)

    def _fail(self, fault: Fault) -> None:
        if fault.hang:
            self.server.double.wait_for_release()
        if fault.drip:
            self._drip(fault.drip)
        if fault.hang or fault.disconnect or fault.drip:
            self.close_connection = True
            return
        xml = "X-Amz-Target" not in self.headers
        body = _error_document(fault, xml=xml) if fault.body is None else fault.body
        headers = dict(fault.headers)
        if fault.send_date:
            headers["Date"] = _date(self.server.double.answers.date_offset + fault.date_offset)
        self._send(fault.status, "text/xml" if xml else "application/x-amz-json-1.1", body, headers)

    def _drip(self, part: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.wfile.write(b"X-Slow: " if part == "head" else b"Content-Length: 99999\r\n\r\n")
        with suppress(OSError):
            while not self.server.double.wait_for_release(0.05):
                self.wfile.write(b" ")

    def _send(self, status: int, kind: str, body: bytes, headers: Mapping[str, str]) -> None:
        # send_response would add a Date of its own.
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base
        """Stay silent."""


def _path_operation(path: str) -> str:
    if path.startswith("/latest/meta-data/iam/security-credentials/") and not path.endswith("/"):
        return "ImdsCredentials"
    return _OPERATIONS.get(path, path)


def _error_document(fault: Fault, *, xml: bool) -> bytes:
    if not xml:
        return json.dumps({"__type": fault.code, "message": fault.message}).encode()
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{fault.code}</Code>"
        f"<Message>{fault.message}</Message></Error></ErrorResponse>"
    ).encode()


def _date(offset: float) -> str:
    return email.utils.formatdate(time.time() + offset, usegmt=True)


def main() -> None:
    """Serve until killed, with the port written to a file once it is open."""
    parser = argparse.ArgumentParser(description="AWS on loopback")
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--lifetime", type=float, default=Answers.lifetime, help="seconds")
    parser.add_argument("--token-size", type=int, default=Answers.token_size, help="characters")
    options = parser.parse_args()
    answers = Answers(lifetime=options.lifetime, token_size=options.token_size)
    with AwsDouble(answers=answers) as aws:
        partial = options.port_file.with_suffix(".partial")
        partial.write_text(aws.url.rpartition(":")[2])
        partial.replace(options.port_file)
        threading.Event().wait()


if __name__ == "__main__":
    main()
