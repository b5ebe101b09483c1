"""The cluster that a kubeconfig describes, as `kubectl` would use it.

Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/. The
documents are lightkube's to understand; here several become one, and what it leaves out is read:
`tls-server-name`, `proxy-url`, and credential plug-ins of today. No message repeats what a file
holds but for the names of clusters, contexts and users.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from refresher.errors import PermanentError
from refresher.model.credential import Secret
from refresher.ports import Clock
from refresher.sinks.kubernetes.cluster import ClientCertificate, Cluster, Pem, parsed
from refresher.sinks.kubernetes.identity import (
    Fixed,
    Given,
    Identity,
    TokenFile,
    basic,
    bearer,
    stamp,
)
from refresher.sinks.kubernetes.plugin import Plugin
from refresher.sinks.kubernetes.proxies import proxy_at, proxy_for

if TYPE_CHECKING:
    from lightkube.config.kubeconfig import SingleConfig
    from lightkube.config.models import User

_LISTS: Final = {"clusters": "cluster", "contexts": "context", "users": "user"}
_PATHS: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_CURRENT: Final = "current-context"


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The files of a kubeconfig, and the context that is meant, nothing for the current one."""

    paths: tuple[Path, ...]
    context: str = ""

    def __str__(self) -> str:
        """Return what names it."""
        shown = ":".join(map(str, self.paths))
        return f"{shown} ({self.context})" if self.context else shown

    def cluster(self, env: Mapping[str, str], clock: Clock) -> Cluster:
        """Return the cluster. Raises `PermanentError` for what can't be read or used."""
        files = {path: stamp(path) for path in self.paths}
        document = _merged(self)
        single = self._single(document)
        cluster, client = single.cluster, self._certificate(single.user)
        server = parsed(cluster.server, f"the server in {self}")
        authorities = _pem(
            f"certificate-authority in {self}",
            cluster.certificate_auth,
            cluster.certificate_auth_data,
        )
        parts = (authorities, *((client.certificate, client.key) if client else ()))
        pems = (each.file for each in parts if each and each.file)
        named = _told(document, single, "proxy-url")
        return Cluster(
            server=server,
            identity=self._identity(single, env, clock),
            namespace=single.namespace,
            authorities=authorities,
            verified=not cluster.insecure,
            server_name=_told(document, single, "tls-server-name"),
            client=client,
            proxy=proxy_at(named, f"proxy-url in {self}") if named else proxy_for(server, env),
            files=files | {path: stamp(path) for path in pems},
        )

    def _single(self, document: Mapping[str, Any]) -> "SingleConfig":
        try:
            from lightkube.config.kubeconfig import KubeConfig  # noqa: PLC0415 - slow to import
        except ModuleNotFoundError:
            raise PermanentError(
                "a kubeconfig can't be read: the package lightkube is missing",
                hint="pip install 'refresher[kubernetes]'",
            ) from None
        wanted = self.context or document.get(_CURRENT)
        if not wanted:
            raise PermanentError(f"{self} has no current context", hint="name one in context")
        try:
            found = KubeConfig.from_dict(dict(document)).get(str(wanted))
        except Exception:  # noqa: BLE001 - of several libraries, and it may repeat the content
            found = None
        if found is None:
            raise PermanentError(
                f"{self} has no context {wanted} with a cluster and a user that can be read",
                hint="look at it with kubectl config view, and check context",
            )
        return found

    def _identity(self, single: "SingleConfig", env: Mapping[str, str], clock: Clock) -> Identity:
        user, name = single.user, single.context.user
        source = f"the user {name} in {self}"
        if user is None:
            return Fixed(f"{self}, which names no user", None)
        if user.token_file:
            return TokenFile(Path(user.token_file), f"tokenFile of {source}")
        if user.token:
            what = f"the token of {source}"
            return Fixed(what, bearer(Secret(user.token), what))
        if user.exec is not None:
            plugin = Plugin.of(user.exec, env)
            return Given(f"{plugin} of {source}", plugin.ask, clock)
        if user.username and user.password:
            return Fixed(source, basic(user.username, Secret(user.password)))
        if user.auth_provider:
            raise PermanentError(
                f"{source} has an auth-provider, which Kubernetes no longer knows",
                hint="write the file anew with the tool of the cloud",
            )
        return Fixed(source, None)

    def _certificate(self, user: "User | None") -> ClientCertificate | None:
        if user is None:
            return None
        certificate = _pem(f"client-certificate in {self}", user.client_cert, user.client_cert_data)
        key = _pem(f"client-key in {self}", user.client_key, user.client_key_data)
        return ClientCertificate(certificate, key) if certificate and key else None


def _merged(kubeconfig: Kubeconfig) -> Mapping[str, Any]:
    """Return the documents as one: of what has the same name, the first one counts."""
    whole: dict[str, Any] = {each: [] for each in _LISTS}
    for path in kubeconfig.paths:
        document = _document(path)
        whole[_CURRENT] = whole.get(_CURRENT) or document.get(_CURRENT)
        for name, what in _LISTS.items():
            there = {each["name"] for each in whole[name]}
            new = _entries(document.get(name), what, path.parent)
            whole[name] += [each for each in new if each["name"] not in there]
    return whole


def _document(path: Path) -> Mapping[str, Any]:
    import yaml  # noqa: PLC0415 - needed here alone

    try:
        text = path.read_text()
    except (OSError, ValueError):
        raise PermanentError(
            f"the kubeconfig {path} can't be read", hint="check kubeconfig, or KUBECONFIG"
        ) from None
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise PermanentError(
            f"the kubeconfig {path} is no YAML object", hint="look at it with kubectl config view"
        )
    return document


def _entries(listed: object, what: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield named entries whose paths no longer depend on where the file is."""
    for each in listed if isinstance(listed, Sequence) else ():
        content = each.get(what) if isinstance(each, dict) else None
        if isinstance(content, dict) and "name" in each:
            yield {"name": each["name"], what: _absolute(content, folder)}


def _absolute(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    found = dict(content)
    for name in _PATHS:
        if isinstance(found.get(name), str):
            found[name] = str(folder / found[name])
    plugin = found.get("exec")
    if isinstance(plugin, dict) and "/" in str(plugin.get("command")):
        # What holds no slash is looked for on the PATH.
        found["exec"] = {**plugin, "command": str(folder / str(plugin["command"]))}
    return found


def _told(document: Mapping[str, Any], single: "SingleConfig", what: str) -> str:
    """Return what the description of the cluster tells, nothing if it does not."""
    for each in document["clusters"]:
        if each["name"] == single.context.cluster:
            return str(each["cluster"].get(what) or "")
    return ""


def _pem(what: str, file: str | None, data: str | None) -> Pem | None:
    if data:
        try:
            return Pem(f"{what} (-data)", text=base64.b64decode(data, validate=True).decode())
        except ValueError:
            raise PermanentError(f"{what} (-data) is no base64", hint="write it anew") from None
    return Pem(f"{what} ({file})", Path(file)) if file else None
