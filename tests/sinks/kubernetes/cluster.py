"""A cluster under test, the double or a real one, and the hands of those who are no sink."""

import base64
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lightkube import ApiError, Client, KubeConfig
from lightkube.core.resource import NamespacedResource
from lightkube.models.core_v1 import LocalObjectReference
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace, Secret, ServiceAccount

TYPE = "kubernetes.io/dockerconfigjson"
KEY = ".dockerconfigjson"
NAME = "refresher"
_Resource = TypeVar("_Resource", bound=NamespacedResource)


class Cluster:
    """Namespaces of one test. Their names begin with a `prefix` of its own."""

    def __init__(self, kubeconfig: Path) -> None:
        """Act as the kubeconfig says; that user may do everything."""
        self.kubeconfig = kubeconfig
        self.prefix = f"t{uuid.uuid4().hex[:10]}"
        config = KubeConfig.from_file(kubeconfig)
        for each in config.clusters.values():
            # Without TLS there is nothing to check, and nothing to load for it.
            each.insecure = each.insecure or each.server.startswith("http://")
        self.client = Client(config=config, trust_env=False)
        self._namespaces: list[str] = []

    @property
    def all(self) -> str:
        """The pattern of all namespaces of this test."""
        return f"{self.prefix}-*"

    def add(self, name: str = "shop", **labels: str) -> str:
        """Add a namespace with the account `default`, and return its name."""
        full = f"{self.prefix}-{name}"
        self.client.create(Namespace(metadata=ObjectMeta(name=full, labels=labels)))
        self._namespaces.append(full)
        end = time.monotonic() + 3
        while self._get(ServiceAccount, "default", full) is None and time.monotonic() < end:
            time.sleep(0.05)
        if self._get(ServiceAccount, "default", full) is None:
            # A server alone, without its controllers.
            self.add_account(full, "default")
        return full

    def clean(self) -> None:
        """Remove the namespaces of this test."""
        for each in self._namespaces:
            self.remove(each)

    def remove(self, namespace: str) -> None:
        """Begin to remove a namespace."""
        try:
            self.client.delete(Namespace, namespace)
        except ApiError as error:
            if error.status.code != 404:
                raise

    def add_secret(
        self,
        namespace: str,
        auths: Mapping[str, Any] | None = None,
        name: str = NAME,
        **fields: Any,
    ) -> None:
        """Add a Secret by hand, by default one of the right type."""
        metadata = {**fields.pop("metadata", {}), "name": name, "namespace": namespace}
        data = {KEY: encoded({"auths": auths or {}})}
        body = {"type": TYPE, "data": data, **fields}
        self.client.create(Secret(metadata=ObjectMeta(**metadata), **body))

    def set_auths(self, namespace: str, auths: Mapping[str, Any], name: str = NAME) -> None:
        """Overwrite what a Secret holds, as another controller does."""
        patch = {"data": {KEY: encoded({"auths": auths})}}
        self.client.patch(Secret, name, patch, namespace=namespace)

    def set_document(self, namespace: str, text: str, name: str = NAME, key: str = KEY) -> None:
        """Overwrite a value of a Secret, which is given in base64."""
        self.client.patch(Secret, name, {"data": {key: text}}, namespace=namespace)

    def annotate(self, namespace: str, key: str, text: str | None, name: str = NAME) -> None:
        """Set an annotation of a Secret, None removes it."""
        patch = {"metadata": {"annotations": {key: text}}}
        self.client.patch(Secret, name, patch, namespace=namespace)

    def secret(self, namespace: str, name: str = NAME) -> dict[str, Any] | None:
        """Return a Secret, None if it is not there."""
        found = self._get(Secret, name, namespace)
        return None if found is None else dict(found.to_dict())

    def auths(self, namespace: str, name: str = NAME) -> dict[str, Any]:
        """Return the entries of a Secret, none if it is not there."""
        found = self.secret(namespace, name)
        if found is None:
            return {}
        auths: dict[str, Any] = json.loads(base64.b64decode(found["data"][KEY]))["auths"]
        return auths

    def password(self, namespace: str, key: str = "quay.io", name: str = NAME) -> str | None:
        """Return the password of an entry, None if there is none."""
        entry = self.auths(namespace, name).get(key)
        return None if entry is None else str(entry["password"])

    def version(self, namespace: str, name: str = NAME) -> str:
        """Return the version of a Secret, which each write changes."""
        found = self.secret(namespace, name)
        assert found is not None
        return str(found["metadata"]["resourceVersion"])

    def delete_secret(self, namespace: str, name: str = NAME) -> None:
        """Delete a Secret."""
        self.client.delete(Secret, name, namespace=namespace)

    def add_account(self, namespace: str, name: str, *pulls: str, **labels: str) -> None:
        """Add a service account that pulls with some Secrets."""
        metadata = ObjectMeta(name=name, namespace=namespace, labels=labels)
        listed = [LocalObjectReference(name=each) for each in pulls]
        self.client.create(ServiceAccount(metadata=metadata, imagePullSecrets=listed))

    def set_pulls(self, namespace: str, name: str, pulls: Sequence[str]) -> None:
        """Set the Secrets that an account pulls with."""
        patch = {"imagePullSecrets": [{"name": each} for each in pulls]}
        self.client.patch(ServiceAccount, name, patch, namespace=namespace)

    def pulls(self, namespace: str, name: str = "default") -> list[str]:
        """Return the Secrets that an account pulls with, in order."""
        found = self._get(ServiceAccount, name, namespace)
        assert found is not None
        return [each["name"] for each in found.to_dict().get("imagePullSecrets", ())]

    def account_version(self, namespace: str, name: str = "default") -> str:
        """Return the version of an account, which each write changes."""
        found = self._get(ServiceAccount, name, namespace)
        assert found is not None
        return str(found.to_dict()["metadata"]["resourceVersion"])

    def _get(self, resource: type[_Resource], name: str, namespace: str) -> _Resource | None:
        try:
            return self.client.get(resource, name, namespace=namespace)
        except ApiError as error:
            if error.status.code != 404:
                raise
            return None


def encoded(document: object) -> str:
    """Return a document as a Secret holds it."""
    return base64.b64encode(json.dumps(document).encode()).decode()


def entry(username: str, password: str) -> dict[str, str]:
    """Return an entry with a login."""
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}
