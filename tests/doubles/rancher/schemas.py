"""Schemas: what a client may do and say, as go-rancher reads it before its first call."""

from tests.doubles.rancher import states
from tests.doubles.rancher.access import Caller
from tests.doubles.rancher.kinds import KINDS, SCHEMA, Field, Kind
from tests.doubles.rancher.message import Request


def every(request: Request, caller: Caller) -> dict[str, object]:
    """Return all schemas."""
    return {
        "type": "collection",
        "resourceType": "schema",
        "links": {"self": request.url},
        "createTypes": {},
        "actions": {},
        "data": [one(request, caller, kind) for kind in KINDS if kind is not SCHEMA],
        "sortLinks": {},
        "pagination": None,
        "sort": None,
        "filters": {},
        "createDefaults": {},
    }


def one(request: Request, caller: Caller, kind: Kind) -> dict[str, object]:
    """Return the schema of one type for who asks."""
    collection, resource = caller.methods(kind)
    links = {
        "self": f"{request.base}/schemas/{kind.name}".lower(),
        "collection": f"{request.base}/{kind.plural}".lower(),
    }
    writes = "POST" in collection
    return {
        "id": kind.name,
        "type": "schema",
        "links": links,
        "actions": {},
        "pluralName": kind.plural,
        "collectionMethods": list(collection),
        "resourceMethods": list(resource),
        "collectionActions": {},
        "resourceActions": _actions(kind) if writes else {},
        "collectionFields": {},
        "resourceFields": {field.name: _field(field, writes=writes) for field in kind.fields},
        "collectionFilters": {
            name: {"modifiers": list(modifiers)} for name, modifiers in kind.filters.items()
        },
        "includeableLinks": [],
    }


def _actions(kind: Kind) -> dict[str, object]:
    action = {"input": None, "output": kind.base}
    return dict.fromkeys(states.PROCESSES, action) if kind.writable else {}


def _field(field: Field, *, writes: bool) -> dict[str, object]:
    return {
        "type": field.shown_type,
        "create": field.create and writes,
        "update": field.update and writes,
        "required": field.required,
        "nullable": field.nullable,
        "minLength": field.min_length,
        "maxLength": field.max_length,
        "default": None,
        "unique": False,
    }
