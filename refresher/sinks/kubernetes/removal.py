"""What is left of a Secret when what is ours is taken out of it. Pure."""

from collections.abc import Collection
from typing import Any

from refresher.errors import PermanentError
from refresher.sinks.kubernetes import document, marks
from refresher.sinks.kubernetes.document import Document, UnreadableError
from refresher.sinks.kubernetes.marks import ANNOTATION, KEY, TYPE, Object


def is_touched(secret: Object) -> bool:
    """Tell whether a Secret holds anything that was put there here."""
    return marks.is_ours(secret) and not marks.is_copy(secret) and secret.get("type") == TYPE


def rest(secret: Object, registries: Collection[str]) -> dict[str, Any] | None:
    """Return a Secret without what is ours in it; None if it was made here and holds nothing else.

    Its annotation says which entries are ours. Where somebody lost that, they are those of
    `registries` in a Secret that was made here. Raises `PermanentError` if it can't be told.
    """
    made_here = marks.is_made_here(secret)
    left = _left(secret, marks.registries(secret) or (registries if made_here else ()))
    data = secret.get("data") or {}
    if made_here and document.is_empty(left) and data.keys() <= {KEY}:
        return None
    metadata = marks.unmarked(secret["metadata"])
    return {**secret, "metadata": metadata, "data": {**data, KEY: document.encoded(left)}}


def _left(secret: Object, ours: Collection[str]) -> Document:
    where = f"Secret {secret['metadata'].get('namespace')}/{secret['metadata']['name']}"
    if not ours and not marks.is_made_here(secret):
        raise PermanentError(
            f"{where}: its annotation {ANNOTATION} does not tell which entries are ours",
            hint="take them out by hand, and the annotation, too",
        )
    try:
        return document.without(document.decoded((secret.get("data") or {}).get(KEY, "")), ours)
    except UnreadableError as error:
        if marks.is_made_here(secret):
            return document.EMPTY
        hint = "repair it, or take the annotation of refresher out"
        raise PermanentError(f"{where}: {error}", hint=hint) from None
