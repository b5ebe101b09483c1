"""The restricted profile of the Pod Security Standards, for Linux.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Iterator
from typing import Any, Final

_HOST: Final = ("hostNetwork", "hostPID", "hostIPC")
_VOLUMES: Final = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
_PROFILES: Final = ("RuntimeDefault", "Localhost")


def offences(pod: dict[str, Any]) -> Iterator[str]:
    """Yield what the restricted profile forbids in the spec of a pod."""
    yield from (each for each in _HOST if pod.get(each))
    for volume in pod.get("volumes", ()):
        kinds = set(volume) - {"name"}
        yield from (f"volume {volume['name']}: {kind}" for kind in kinds - _VOLUMES)
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        yield from (f"{container['name']}: {each}" for each in _of_container(pod, container))


def _of_container(pod: dict[str, Any], container: dict[str, Any]) -> Iterator[str]:
    own: dict[str, Any] = container.get("securityContext", {})
    both = {**pod.get("securityContext", {}), **own}
    capabilities = own.get("capabilities", {})
    if own.get("privileged") or own.get("allowPrivilegeEscalation") is not False:
        yield "privileges"
    if both.get("runAsNonRoot") is not True or both.get("runAsUser", 1) == 0:
        yield "may run as root"
    if both.get("seccompProfile", {}).get("type") not in _PROFILES:
        yield "seccomp"
    if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", ())) - {
        "NET_BIND_SERVICE"
    }:
        yield "capabilities"
    if any("hostPort" in port for port in container.get("ports", ())):
        yield "hostPort"
    if {"appArmorProfile", "procMount", "seLinuxOptions", "sysctls"} & set(both):
        yield "what the profile limits and nothing here needs"
