"""One Secret: what it holds, and what it is to become. Pure.

The same texts are met again and again: after a write all namespaces hold the same. Each is taken
apart once, and each change is made once.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final

from refresher.errors import PermanentError
from refresher.model.credential import Credential
from refresher.model.plan import Absent, Foreign, Holding
from refresher.sinks.kubernetes import document, marks
from refresher.sinks.kubernetes.document import Document, UnreadableError
from refresher.sinks.kubernetes.marks import KEY, LABEL, OWNER, TYPE, Object

LIMIT: Final = 1_048_576
"""The most bytes of all values of a Secret (`MaxSecretSize`, pkg/apis/core/types.go)."""

_KEPT: Final = 16

Wanted = tuple[tuple[str, Credential], ...]
"""Registries and the credentials to put there."""


class PullSecrets:
    """Reads and changes Secrets by one rule. `adopt` allows those that somebody else made.

    Safe to use from several threads. What it remembers is bounded.
    """

    def __init__(self, *, adopt: bool) -> None:
        """Start without a memory."""
        self._adopt = adopt
        # Bound here: on the methods themselves the memory would keep the object alive.
        self._decoded = lru_cache(_KEPT)(document.decoded)
        self._merged = lru_cache(_KEPT)(self._put_together)
        self._held = lru_cache(_KEPT)(self._read)

    def held(self, secret: Object | None, registries: Collection[str]) -> Mapping[str, Holding]:
        """Return what a pod that pulls with a Secret finds for each registry."""
        if secret is None:
            return dict.fromkeys(registries, Absent())
        reason = marks.obstacle(secret, adopt=self._adopt)
        if reason:
            return dict.fromkeys(registries, Foreign(f"Secret {_named(secret)}: {reason}"))
        try:
            return self._held(_text(secret), tuple(registries))
        except UnreadableError as error:
            if self._may_repair(secret):
                return dict.fromkeys(registries, Absent())
            reason = f"{error}: {error.hint or 'repair or remove it'}"
            return dict.fromkeys(registries, Foreign(f"Secret {_named(secret)}: {reason}"))

    def new(self, name: str, namespace: str, wanted: Wanted) -> dict[str, Any]:
        """Return a Secret that is to be made. Raises `PermanentError` if it would be too large."""
        metadata = {"name": name, "namespace": namespace, "labels": {LABEL: OWNER}}
        made = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": marks.marked(metadata, dict(wanted)),
            "type": TYPE,
            "data": {KEY: self._merged("", wanted, repair=True)},
        }
        _refuse_too_large(made)
        return made

    def changed(self, secret: Object, wanted: Wanted) -> dict[str, Any] | None:
        """Return what a Secret is to become, None if it is that already.

        Everything of it stays but for our entries, the annotation, and what only the server
        writes. Raises `PermanentError` if it is not ours to change, or would be too large.
        """
        reason = marks.obstacle(secret, adopt=self._adopt)
        if reason:
            raise PermanentError(f"Secret {_named(secret)}: {reason}")
        text = _text(secret)
        try:
            after = self._merged(text, wanted, repair=self._may_repair(secret))
        except UnreadableError as error:
            message = f"Secret {_named(secret)}: {error}"
            raise PermanentError(message, hint=error.hint or "repair or remove it") from None
        if after == text and marks.is_ours(secret):
            return None
        data = {**(secret.get("data") or {}), KEY: after}
        metadata = marks.marked(secret["metadata"], dict(wanted))
        made = {**secret, "metadata": metadata, "data": data}
        _refuse_too_large(made)
        return made

    def _may_repair(self, secret: Object) -> bool:
        """Tell whether what can't be read is ours alone, so that nobody loses anything."""
        return not self._adopt and marks.is_ours(secret)

    def _read(self, text: str, registries: tuple[str, ...]) -> Mapping[str, Holding]:
        return document.holdings(self._decoded(text) if text else document.EMPTY, registries)

    def _put_together(self, text: str, wanted: Wanted, *, repair: bool) -> str:
        before = self._document(text, repair=repair)
        after = document.merged(before, dict(wanted))
        return text if after is before and text else document.encoded(after)

    def _document(self, text: str, *, repair: bool) -> Document:
        try:
            found = self._decoded(text) if text else document.EMPTY
        except UnreadableError:
            if not repair:
                raise
            return document.EMPTY
        return document.without_flaws(found) if repair and found.flawed else found


def trimmed(secret: Object, texts: dict[str, str]) -> dict[str, Any]:
    """Return a Secret as it is kept and sent back: without what only the server writes.

    `texts` holds the values that were met before, so that equal ones take their memory once.
    """
    metadata = {key: each for key, each in secret["metadata"].items() if key != "managedFields"}
    data = secret.get("data")
    if isinstance(data, dict):
        # Go writes an empty value as null.
        data = {key: texts.setdefault(text or "", text or "") for key, text in data.items()}
    return {**secret, "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def _text(secret: Object) -> str:
    data = secret.get("data")
    text = data.get(KEY) if isinstance(data, dict) else None
    return text if isinstance(text, str) else ""


def _named(secret: Object) -> str:
    return f"{secret['metadata'].get('namespace')}/{secret['metadata'].get('name')}"


def _refuse_too_large(secret: Object) -> None:
    size = sum(len(text) // 4 * 3 - text.count("=", -2) for text in secret["data"].values())
    if size > LIMIT:
        raise PermanentError(
            f"Secret {_named(secret)} would hold {size} bytes, and Kubernetes keeps {LIMIT}",
            hint="set secret to another name, or to one Secret per registry with {registry}",
        )
