"""A real registry on loopback, reachable under any host name through a tunnel.

`docker-registry` serves TLS with a certificate of a private CA and asks for the
one user that it was told of. `Tunnel` is an HTTP proxy that leads every CONNECT
to it, so clients believe that they talk to Amazon's or Google's host.
"""

import contextlib
import hashlib
import io
import json
import socket
import socketserver
import subprocess
import tarfile
import threading
import time
from pathlib import Path
from typing import Final, Self

from tests.doubles.certificates import Authority

_BCRYPT_LIMIT: Final = 72
"""Bcrypt looks at no more bytes of a password (and htpasswd takes no more than 255)."""

_CONFIG: Final = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {data}}}}}
http:
  addr: 127.0.0.1:{port}
  tls: {{certificate: {certificate}, key: {certificate}}}
{auth}
"""


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Registry:
    """A `docker-registry` process for `hosts`. Use it as a context manager.

    `auth` are its settings for the login; without any it asks for Basic.
    """

    def __init__(self, directory: Path, *hosts: str, auth: str = "") -> None:
        directory.mkdir(parents=True)
        self.authority = Authority(directory)
        self._users = directory / "htpasswd"
        self._users.touch()
        certificate = self.authority.issue(*hosts)
        self.port = free_port()
        self._config = directory / "config.yml"
        self._config.write_text(
            _CONFIG.format(
                data=directory / "data",
                port=self.port,
                certificate=certificate,
                auth=auth or f"auth: {{htpasswd: {{realm: test, path: {self._users}}}}}",
            )
        )
        self._log = directory / "log"

    def let_in(self, username: str, password: str) -> None:
        """Accept this pair from now on, and no other."""
        hashed = subprocess.run(
            ["htpasswd", "-niB", username],
            input=password[:_BCRYPT_LIMIT].encode(),
            capture_output=True,
            check=True,
        )
        self._users.write_bytes(hashed.stdout)

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["docker-registry", "serve", str(self._config)], stdout=log, stderr=log
            )
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return self
            time.sleep(0.02)
        self._process.kill()
        raise AssertionError(self._log.read_text())

    def stop(self) -> None:
        """End the process; it may have ended already."""
        self._process.kill()
        self._process.wait()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Tunnel:
    """An HTTP proxy on loopback that leads every CONNECT to `port`. Use as a context manager."""

    def __init__(self, port: int) -> None:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass
                with socket.create_connection(("127.0.0.1", port)) as server:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    back = threading.Thread(target=_pump, args=(server, self.connection))
                    back.start()
                    _pump(self.connection, server)
                    back.join()

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def write_image(directory: Path) -> str:
    """Write a small image as an OCI layout, and return skopeo's name for it."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(media_type: str, content: bytes) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("hello"), io.BytesIO())
    diff = f"sha256:{hashlib.sha256(layer.getvalue()).hexdigest()}"
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [diff]},
    }
    kind = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "config": blob(f"{kind}.config.v1+json", json.dumps(config).encode()),
        "layers": [blob(f"{kind}.layer.v1.tar", layer.getvalue())],
    }
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                **blob(f"{kind}.manifest.v1+json", json.dumps(manifest).encode()),
                "annotations": {"org.opencontainers.image.ref.name": "1"},
            }
        ],
    }
    (directory / "index.json").write_text(json.dumps(index))
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return f"oci:{directory}:1"
