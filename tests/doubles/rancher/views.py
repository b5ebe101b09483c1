"""Documents: rows, projects and lists as the server writes them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from tests.doubles.rancher import ids, query, states
from tests.doubles.rancher.access import Caller
from tests.doubles.rancher.kinds import PROJECT, REGISTRY, Kind
from tests.doubles.rancher.message import Request
from tests.doubles.rancher.rows import Project, Row
from tests.doubles.rancher.rules import Rules

_IN_PROGRESS: Final = "In Progress"


def row(request: Request, caller: Caller, one: Row) -> dict[str, object]:
    """Return a registry or a credential. A password shows in answers to POST only."""
    kind = one.kind
    document: dict[str, object] = {
        "id": ids.shown(kind, one.number),
        "type": kind.name,
        "links": _links(request, kind, one.number),
        "actions": _actions(request, one),
        "baseType": kind.base,
        "name": one.fields.get("name"),
        "state": one.state,
        "accountId": ids.shown(PROJECT, one.project),
        **_time("created", one.created),
        "description": one.fields.get("description"),
        "kind": kind.name,
        **_time("removed", one.removed),
        **_time("removeTime", one.remove_time),
        "transitioning": one.transitioning,
        "transitioningMessage": _message(one),
        "transitioningProgress": None,
        "uuid": one.uuid,
    }
    if caller.is_admin:
        document["data"] = _data(one)
    return document | _own_fields(request, caller, one)


def project(request: Request, one: Project) -> dict[str, object]:
    """Return an environment."""
    return {
        "id": ids.shown(PROJECT, one.number),
        "type": "project",
        "links": _links(request, PROJECT, one.number),
        "actions": {},
        "baseType": "account",
        "name": one.name,
        "state": one.state,
        **_time("created", one.created),
        "description": one.description,
        "kind": "project",
        "removed": None,
        "transitioning": "no",
        "transitioningMessage": None,
        "transitioningProgress": None,
        "uuid": one.uuid,
    }


def collection(
    request: Request,
    rules: Rules,
    kind: Kind,
    found: list[Any],
    show: Callable[[Any], Mapping[str, object]],
    *,
    wanted: query.Conditions,
    defaults: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Return one page of what was found."""
    page = query.Page.of(request, rules)
    sort_link = query.with_query(request, ("sort", ""))
    filters: dict[str, object] = dict.fromkeys(kind.filters)
    for name, kept in wanted.items():
        filters[name] = [condition.document() for condition in kept]
    return {
        "type": "collection",
        "resourceType": kind.name,
        "links": {"self": request.url},
        "createTypes": {},
        "actions": {},
        "data": [show(one) for one in found[page.start : page.start + page.limit]],
        "sortLinks": {name: sort_link + name for name in kind.filters},
        "pagination": page.document(request, len(found)),
        "sort": _sort(kind, request),
        "filters": filters,
        "createDefaults": dict(defaults or {}),
    }


def resource_url(request: Request, kind: Kind, identity: str, *more: str) -> str:
    """Return the URL of a resource; the server writes all of it in lower case."""
    return "/".join([request.base, kind.plural, identity, *more]).lower()


def _links(request: Request, kind: Kind, number: int) -> dict[str, str]:
    identity = ids.shown(kind, number)
    links = {"self": resource_url(request, kind, identity)}
    return links | {name: resource_url(request, kind, identity, name) for name in kind.links}


def _actions(request: Request, one: Row) -> dict[str, str]:
    url = resource_url(request, one.kind, ids.shown(one.kind, one.number))
    return {name: f"{url}/?action={name}" for name in states.OFFERED[one.state]}


def _own_fields(request: Request, caller: Caller, one: Row) -> dict[str, object]:
    if one.kind is REGISTRY:
        return {
            "serverAddress": one.fields.get("serverAddress"),
            "blockDevicePath": None,
            "driverName": None,
            "externalId": None,
            "volumeAccessMode": None,
            "volumeCapabilities": None,
        }
    shown = request.method == "POST" or caller.reads_secrets
    return {
        "publicValue": one.fields.get("publicValue"),
        "secretValue": one.fields.get("secretValue") if shown else None,
        "registryId": ids.shown(REGISTRY, one.fields["registryId"]),
    }


def _data(one: Row) -> dict[str, object]:
    """Return the JSON column, which holds what has no column of its own."""
    kept = ("serverAddress", "email")
    return {"fields": {name: one.fields[name] for name in kept if name in one.fields}}


def _message(one: Row) -> str | None:
    if one.error is not None:
        return one.error
    return _IN_PROGRESS if one.transitioning == "yes" else None


def _time(name: str, moment: datetime | None) -> dict[str, object]:
    if moment is None:
        return {name: None}
    return {
        name: moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        f"{name}TS": int(moment.timestamp()) * 1000,
    }


def _sort(kind: Kind, request: Request) -> dict[str, object] | None:
    asked = query.order(kind, request)
    if asked is None:
        return None
    name, backwards = asked
    reverse = query.with_query(request, ("order", "asc" if backwards else "desc"))
    return {"name": name, "order": "desc" if backwards else "asc", "reverse": reverse}
