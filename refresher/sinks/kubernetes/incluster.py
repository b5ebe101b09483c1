"""The cluster around this pod: what the kubelet gives to every container.

Source: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from refresher.sinks.kubernetes.cluster import Cluster, Pem, parsed
from refresher.sinks.kubernetes.identity import TokenFile, stamp

MOUNTED: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the service account's files are."""

HOST: Final = "KUBERNETES_SERVICE_HOST"
PORT: Final = "KUBERNETES_SERVICE_PORT"
NAMESPACE: Final = "POD_NAMESPACE"
"""The variable that people set by the downward API."""

_HTTPS: Final = "443"


def is_inside(env: Mapping[str, str], mounted: Path) -> bool:
    """Tell whether this is a pod with a service account."""
    return bool(env.get(HOST)) and (mounted / "token").exists()


def cluster(env: Mapping[str, str], mounted: Path) -> Cluster:
    """Return the cluster; no proxy leads there. Raises `PermanentError` if the files are wrong."""
    host = env[HOST]
    shown = f"[{host}]" if ":" in host else host
    authorities = mounted / "ca.crt"
    return Cluster(
        server=parsed(f"https://{shown}:{env.get(PORT) or _HTTPS}", f"{HOST} or {PORT}"),
        identity=TokenFile(mounted / "token", "the service account's token"),
        namespace=_namespace(env, mounted / "namespace"),
        authorities=Pem(f"the service account's {authorities}", authorities),
        files={authorities: stamp(authorities)},
    )


def _namespace(env: Mapping[str, str], file: Path) -> str:
    """Return the pod's own namespace, nothing where it is not told."""
    try:
        return env.get(NAMESPACE, "").strip() or file.read_text().strip()
    except (OSError, ValueError):
        return ""
