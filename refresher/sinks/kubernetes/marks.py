"""How a Secret shows what is ours in it, and why one is left alone.

A Secret that was made here has a label, and one that was adopted has not: the label belongs to
whoever made it (Helm refuses to go on where it changed). Both have an annotation that says, for
each registry, when its credential was issued and when it ends.

Sources: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/; for
Rancher 2, pkg/controllers of github.com/rancher/rancher.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from refresher.model.credential import Credential, Expiry

LABEL: Final = "app.kubernetes.io/managed-by"
OWNER: Final = "refresher"
ANNOTATION: Final = "refresher.github.io/credentials"
"""An object of registries, each with `issued` and `expires` (RFC 3339, or never, or unknown)."""

TYPE: Final = "kubernetes.io/dockerconfigjson"
KEY: Final = ".dockerconfigjson"

_RANCHER_COPIES: Final = (
    "management.cattle.io/project-scoped-secret-copy",
    "secret.user.cattle.io/secret",
)
"""Annotations of Secrets that Rancher 2 copies from a project to its namespaces."""

_RANCHER_MANAGED: Final = "management.cattle.io/rancher-managed-pull-secret"
"""The label of what Rancher 2 copies from the pull secrets of its default registries."""

Object = Mapping[str, Any]
"""A Secret as the API gives it."""


def is_ours(secret: Object) -> bool:
    """Tell whether a Secret was made or adopted here."""
    return is_made_here(secret) or ANNOTATION in _annotations(secret)


def is_made_here(secret: Object) -> bool:
    """Tell whether a Secret was made here, and not adopted."""
    return _labels(secret).get(LABEL) == OWNER


def is_copy(secret: Object) -> bool:
    """Tell whether Rancher 2 made a Secret, as a copy of one that may have our marks."""
    annotations = _annotations(secret)
    return _RANCHER_MANAGED in _labels(secret) or any(
        annotations.get(each) == "true" for each in _RANCHER_COPIES
    )


def registries(secret: Object) -> Collection[str]:
    """Return the registries that were put into a Secret here, nothing if that can't be told."""
    return _times(_mapping(secret, "metadata")).keys()


def unmarked(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a Secret without anything that says that it is ours."""
    labels, annotations = _mapping(metadata, "labels"), _mapping(metadata, "annotations")
    others = {key: text for key, text in labels.items() if (key, text) != (LABEL, OWNER)}
    kept = {key: text for key, text in annotations.items() if key != ANNOTATION}
    return {**metadata, "labels": others, "annotations": kept}


def obstacle(secret: Object, *, adopt: bool) -> str:
    """Return why a Secret is not ours to change, and what to do; nothing if it is.

    `adopt` allows one that somebody else made.
    """
    if is_copy(secret):
        return (
            "it is a copy that Rancher 2 makes of another Secret, and overwrites: "
            "set secret to another name"
        )
    if secret.get("type") != TYPE:
        return (
            f"its type is {_shown(secret.get('type'))}, which can't be changed to {TYPE}: remove "
            "it, or set secret to another name"
        )
    if secret.get("immutable") is True:
        return "it is immutable: remove it, or set secret to another name"
    if not adopt and not is_ours(secret):
        return (
            "somebody else made it: set adopt to true to keep its entries and add ours, or set "
            "secret to another name"
        )
    return ""


def marked(metadata: Mapping[str, Any], wanted: Mapping[str, Credential]) -> dict[str, Any]:
    """Return the metadata of a Secret with the times of what is `wanted` in it."""
    times = _times(metadata) | {registry: _told(each) for registry, each in wanted.items()}
    annotations = metadata.get("annotations") or {}
    text = json.dumps(dict(sorted(times.items())), separators=(",", ":"))
    return {**metadata, "annotations": {**annotations, ANNOTATION: text}}


def interferer(secret: Object) -> str:
    """Return who else wrote the credentials last, by its field manager; nothing if nobody did.

    https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers
    """
    entries = _mapping(secret, "metadata").get("managedFields")
    others = sorted(_others(entries if isinstance(entries, list) else ()))
    return others[-1][1] if others else ""


def _others(entries: Collection[Any]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        fields = entry.get("fieldsV1") if isinstance(entry, dict) else None
        if isinstance(fields, dict) and f"f:{KEY}" in (fields.get("f:data") or ()):
            manager = _shown(entry.get("manager"))
            if manager != OWNER:
                yield str(entry.get("time")), manager


def _told(credential: Credential) -> dict[str, str]:
    return {"issued": _moment(credential.issued_at), "expires": _moment(credential.expires_at)}


def _moment(when: Expiry) -> str:
    if not isinstance(when, datetime):
        return when.value
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _times(metadata: Mapping[str, Any]) -> dict[str, Any]:
    try:
        times = json.loads(_mapping(metadata, "annotations").get(ANNOTATION, ""))
    except (ValueError, TypeError, RecursionError):
        return {}
    return times if isinstance(times, dict) else {}


def _labels(secret: Object) -> Mapping[str, Any]:
    return _mapping(_mapping(secret, "metadata"), "labels")


def _annotations(secret: Object) -> Mapping[str, Any]:
    return _mapping(_mapping(secret, "metadata"), "annotations")


def _mapping(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def _shown(text: object) -> str:
    """Return a name that the server gave, if it can be shown."""
    return text if isinstance(text, str) and text.isprintable() else "another one"
