"""Registries and credentials: list, read, create, change, act on, delete."""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from tests.doubles.rancher import ids, query, states, validation, views
from tests.doubles.rancher.access import Caller
from tests.doubles.rancher.database import Database
from tests.doubles.rancher.errors import ApiError, unprocessable
from tests.doubles.rancher.kinds import CREDENTIAL, EMAIL, REGISTRY, Field, Kind
from tests.doubles.rancher.message import Answer, Request
from tests.doubles.rancher.rows import Row
from tests.doubles.rancher.rules import Rules


class Resources:
    """Both types, which are handled alike. Hold the database's lock."""

    def __init__(self, rules: Rules, database: Database) -> None:
        self._rules = rules
        self._database = database

    def answer(self, request: Request, caller: Caller, kind: Kind) -> Answer:
        """Return the answer to a request for one of the types."""
        if request.action:
            return self._act(request, caller, kind, request.action)
        handlers: dict[str, Callable[[Request, Caller, Kind], Answer]] = {
            "GET": self._read,
            "POST": self._create,
            "PUT": self._change,
            "DELETE": self._delete,
        }
        return handlers[request.method](request, caller, kind)

    def _read(self, request: Request, caller: Caller, kind: Kind) -> Answer:
        if request.id is None:
            rows = self._database.of_project(kind, caller.account)
            return self._list(request, caller, kind, rows, {})
        row = self._row(request, caller, kind)
        if request.link is None:
            return Answer(HTTPStatus.OK, self._seen(request, caller, row))
        return self._linked(request, caller, row, request.link)

    def _linked(self, request: Request, caller: Caller, row: Row, link: str) -> Answer:
        match row.kind.name, link.lower():
            case "registry", "credentials":
                defaults = {"registryId": ids.shown(REGISTRY, row.number)}
                rows = self._database.credentials_of(row)
                return self._list(request, caller, CREDENTIAL, rows, defaults)
            case "registryCredential", "registry":
                registry = self._database.get(REGISTRY, row.fields["registryId"])
                if registry is not None and registry.removed is None:
                    return Answer(HTTPStatus.OK, self._seen(request, caller, registry))
        raise ApiError(HTTPStatus.NOT_FOUND)

    def _list(
        self,
        request: Request,
        caller: Caller,
        kind: Kind,
        rows: list[Row],
        defaults: dict[str, str],
    ) -> Answer:
        wanted = query.conditions(kind, request.query)
        every = any(name == "_removed" for name, _ in request.query)
        found = [
            row for row in rows if (every or not row.removed) and query.matches(wanted, row.value)
        ]
        if (order := query.order(kind, request)) is not None:
            found.sort(key=lambda row: _sortable(row.value(order[0])), reverse=order[1])

        def show(row: Row) -> dict[str, object]:
            return self._seen(request, caller, row)

        document = views.collection(
            request, self._rules, kind, found, show, wanted=wanted, defaults=defaults
        )
        return Answer(HTTPStatus.OK, document)

    def _seen(self, request: Request, caller: Caller, row: Row) -> dict[str, object]:
        document = self._document(request, caller, row)
        row.seen += 1
        return document

    def _document(self, request: Request, caller: Caller, row: Row) -> dict[str, object]:
        document = views.row(request, caller, row)
        if self._knows_email(row.kind, request):
            document["email"] = row.fields.get("email")
        return document

    def _create(self, request: Request, caller: Caller, kind: Kind) -> Answer:
        fields = self._fields(kind, request)
        given = validation.accepted(fields, request.values(), creating=True)
        if kind is REGISTRY:
            self._check_address(caller.account, given["serverAddress"])
            self._database.meet()
        else:
            self._check_registry(caller.account, given["registryId"])
        row = self._database.insert(kind, caller.account, given, states.CREATED)
        return Answer(HTTPStatus.CREATED, self._document(request, caller, row))

    def _change(self, request: Request, caller: Caller, kind: Kind) -> Answer:
        row = self._row(request, caller, kind)
        fields = self._fields(kind, request)
        row.fields.update(validation.accepted(fields, request.values(), creating=False))
        return Answer(HTTPStatus.OK, self._document(request, caller, row))

    def _delete(self, request: Request, caller: Caller, kind: Kind) -> Answer:
        row = self._row(request, caller, kind)
        if not states.deletable(row.state):
            raise ApiError(HTTPStatus.METHOD_NOT_ALLOWED)
        if "remove" in states.OFFERED[row.state]:
            self._database.begin(row, "remove")
        return Answer(HTTPStatus.OK, self._document(request, caller, row))

    def _act(self, request: Request, caller: Caller, kind: Kind, action: str) -> Answer:
        if request.id is None or action not in states.PROCESSES:
            raise unprocessable("InvalidAction", "action")
        row = self._row(request, caller, kind)
        if action not in states.OFFERED[row.state]:
            raise unprocessable("ActionNotAvailable", "action")
        self._database.begin(row, action)
        return Answer(HTTPStatus.ACCEPTED, self._document(request, caller, row))

    def _row(self, request: Request, caller: Caller, kind: Kind) -> Row:
        row = self._database.get(kind, ids.number(request.id or ""))
        if row is None or not (caller.is_admin or row.project == caller.account):
            raise ApiError(HTTPStatus.NOT_FOUND)
        return row

    def _fields(self, kind: Kind, request: Request) -> tuple[Field, ...]:
        """Return the fields of this version of the API; others are unknown, and so ignored."""
        if not self._knows_email(kind, request):
            return kind.fields
        return (*kind.fields, replace(EMAIL, required=self._rules.email_required))

    def _knows_email(self, kind: Kind, request: Request) -> bool:
        return kind is CREDENTIAL and (self._rules.email_required or request.version == "v1")

    def _check_address(self, project: int, address: str) -> None:
        for row in self._database.of_project(REGISTRY, project):
            in_use = row.removed is None and row.state != "purged"
            if in_use and row.fields["serverAddress"].lower() == address.lower():
                raise ApiError(HTTPStatus.BAD_REQUEST, "ServerAddressUsed")

    def _check_registry(self, project: int, number: int) -> None:
        registry = self._database.get(REGISTRY, number)
        if registry is None or registry.project != project:
            raise unprocessable("InvalidReference", "registryId")


def _sortable(value: Any) -> tuple[bool, Any]:
    """Return a key that puts nulls first, as MySQL does."""
    return (value is not None, value)
