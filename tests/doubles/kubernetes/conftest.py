"""What the tests of the double share: a server, clients, and a way to read watches."""

import base64
import contextlib
import http.client
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from refresher.testing import FakeClock
from tests.doubles.kubernetes import KubernetesDouble

SECRETS = "/api/v1/namespaces/shop/secrets"
ACCOUNTS = "/api/v1/namespaces/shop/serviceaccounts"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/shop/leases"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass
class Reply:
    """An answer with its document."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes

    @property
    def body(self) -> Any:
        """The document."""
        return json.loads(self.content)

    @property
    def refusal(self) -> tuple[int, str, str]:
        """The status, the reason and the message of a refusal, whose form is checked."""
        body = self.body
        assert (body["kind"], body["apiVersion"], body["status"]) == ("Status", "v1", "Failure")
        assert (body["code"], body["metadata"]) == (self.status, {})
        return self.status, body.get("reason", ""), body["message"]


@dataclass
class Watch:
    """A watch that is being read; the end of the connection is the event END."""

    connection: http.client.HTTPConnection
    events: "queue.SimpleQueue[tuple[str, Any]]" = field(default_factory=queue.SimpleQueue)

    def read(self, response: http.client.HTTPResponse) -> None:
        """Read until the end."""
        try:
            for line in response:
                event = json.loads(line)
                self.events.put((event["type"], event["object"]))
            self.events.put(("END", None))
        except (OSError, http.client.HTTPException, AttributeError, ValueError):
            self.events.put(("BREAK", None))

    def next(self, seconds: float = 5.0) -> tuple[str, Any]:
        """Return the next event."""
        return self.events.get(timeout=seconds)

    def names(self, count: int) -> list[tuple[str, str]]:
        """Return the types and names of the next events."""
        events = [self.next() for _ in range(count)]
        return [(type_, body["metadata"]["name"]) for type_, body in events]

    def quiet(self, seconds: float = 0.1) -> bool:
        """Say whether nothing comes for so long."""
        try:
            self.events.get(timeout=seconds)
        except queue.Empty:
            return True
        return False


@dataclass
class Client:
    """Calls the server with one token over one connection."""

    kube: KubernetesDouble
    token: str | None
    connections: list[http.client.HTTPConnection] = field(default_factory=list)

    def call(
        self, method: str, path: str, document: Any = None, media_type: str = "", **query: Any
    ) -> Reply:
        """Ask."""
        if not self.connections:
            self.connections.append(self._connect())
        response = self._send(
            self.connections[0],
            method,
            path,
            document=document,
            media_type=media_type,
            query=query,
        )
        return Reply(response.status, response.headers, response.read())

    def get(self, path: str, **query: Any) -> Reply:
        """Read."""
        return self.call("GET", path, **query)

    def post(self, path: str, document: Any, **query: Any) -> Reply:
        """Create."""
        return self.call("POST", path, document, **query)

    def put(self, path: str, document: Any, **query: Any) -> Reply:
        """Replace."""
        return self.call("PUT", path, document, **query)

    def patch(self, path: str, document: Any, media_type: str = MERGE, **query: Any) -> Reply:
        """Change."""
        return self.call("PATCH", path, document, media_type, **query)

    def delete(self, path: str, document: Any = None, **query: Any) -> Reply:
        """Delete."""
        return self.call("DELETE", path, document, **query)

    def watch(self, path: str, **query: Any) -> Watch:
        """Watch, over a connection of its own."""
        connection = self._connect()
        self.connections.append(connection)
        response = self._send(connection, "GET", path, query={"watch": "true", **query})
        assert response.status == 200, response.read()
        watch = Watch(connection)
        threading.Thread(target=watch.read, args=(response,), daemon=True).start()
        return watch

    def close(self) -> None:
        """Close all connections."""
        for connection in self.connections:
            if connection.sock is not None:
                # A thread that reads a watch would keep `close` waiting.
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()
        self.connections.clear()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.kube.port, timeout=10)

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        *,
        document: Any = None,
        media_type: str = "",
        query: dict[str, Any],
    ) -> http.client.HTTPResponse:
        headers = {"User-Agent": "tests/1.0"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        content = document if isinstance(document, bytes) else None
        if document is not None:
            headers["Content-Type"] = media_type or "application/json"
            content = json.dumps(document).encode() if content is None else content
        named = {"continue" if name == "continue_" else name: query[name] for name in query}
        target = f"{path}?{urlencode(named)}" if named else path
        connection.request(method, target, content, headers)
        return connection.getresponse()


Connect = Callable[[str | None], Client]


@pytest.fixture
def clock() -> FakeClock:
    """Make a clock to push."""
    return FakeClock()


@pytest.fixture
def kube(clock: FakeClock) -> Iterator[KubernetesDouble]:
    """Serve a new cluster with the namespace `shop`."""
    with KubernetesDouble(clock=clock) as double:
        double.add_namespace("shop")
        yield double


@pytest.fixture
def connect(kube: KubernetesDouble) -> Iterator[Connect]:
    """Return a function that makes a client with a token."""
    clients: list[Client] = []

    def make(token: str | None) -> Client:
        client = Client(kube, token)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(kube: KubernetesDouble, connect: Connect) -> Client:
    """Return a client that may do everything."""
    return connect(kube.admin())


def coded(**values: str) -> dict[str, str]:
    """Return the `data` of a Secret."""
    return {
        name.replace("_", "."): base64.b64encode(value.encode(errors="surrogateescape")).decode()
        for name, value in values.items()
    }


def pull_secret(name: str, value: str = '{"auths":{}}', **fields: Any) -> dict[str, Any]:
    """Return a Secret that the kubelet pulls images with."""
    return {
        "metadata": {"name": name},
        "type": "kubernetes.io/dockerconfigjson",
        "data": coded(_dockerconfigjson=value),
        **fields,
    }
