"""The files that tell a client where the server is and who it is."""

import secrets
from dataclasses import dataclass
from pathlib import Path

import yaml


def kubeconfig(path: Path, url: str, ca: Path | None, token: str, *, namespace: str) -> Path:
    """Write a kubeconfig with one context, `test`; only its owner can read it.

    https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
    """
    cluster = {"server": url, **({"certificate-authority": str(ca)} if ca else {})}
    context = {"cluster": "test", "user": "test", "namespace": namespace}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "contexts": [{"name": "test", "context": context}],
        "users": [{"name": "test", "user": {"token": token}}],
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document))
    return path


@dataclass(frozen=True)
class Mounted:
    """A projected volume as the kubelet keeps it: files behind a link that is swapped at once.

    https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go
    """

    folder: Path

    @classmethod
    def at(cls, folder: Path, token: str, ca: Path | None, namespace: str) -> "Mounted":
        """Write `token`, `ca.crt` and `namespace` below a folder that need not be there."""
        mounted = cls(folder)
        folder.mkdir(parents=True, exist_ok=True)
        certificate = ca.read_text() if ca else ""
        mounted._swap({"token": token, "ca.crt": certificate, "namespace": namespace})
        for name in ("token", "ca.crt", "namespace"):
            (folder / name).symlink_to(Path("..data") / name)
        return mounted

    def rotate(self, *, token: str | None = None, ca: Path | None = None) -> None:
        """Give the files a new content."""
        held = {name: (self.folder / name).read_text() for name in ("token", "ca.crt", "namespace")}
        if token is not None:
            held["token"] = token
        if ca is not None:
            held["ca.crt"] = ca.read_text()
        self._swap(held)

    def _swap(self, files: dict[str, str]) -> None:
        fresh = self.folder / f"..{secrets.token_hex(8)}"
        fresh.mkdir()
        for name, text in files.items():
            (fresh / name).write_text(text)
        link = self.folder / "..data_tmp"
        link.symlink_to(fresh.name)
        link.replace(self.folder / "..data")
