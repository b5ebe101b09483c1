"""Projects and settings."""

from http import HTTPStatus
from typing import Final

from tests.doubles.rancher import ids, query, validation, views
from tests.doubles.rancher.access import Caller, Gate
from tests.doubles.rancher.database import Database
from tests.doubles.rancher.errors import ApiError
from tests.doubles.rancher.kinds import PROJECT, SETTING
from tests.doubles.rancher.message import Answer, Request
from tests.doubles.rancher.rows import Project
from tests.doubles.rancher.rules import Rules

SETTINGS: Final = ("registry.default", "registry.whitelist")
"""The settings that are there. None is public, so only an admin finds them."""


class Projects:
    """The environments that somebody may enter."""

    def __init__(self, rules: Rules, database: Database, gate: Gate) -> None:
        self._rules = rules
        self._database = database
        self._gate = gate

    def answer(self, request: Request, caller: Caller) -> Answer:
        """Return the answer to GET."""
        if request.id is None:
            return self._list(request, caller)
        project = self._database.projects.get(ids.number(request.id) or 0)
        if project is None or not self._gate.may_enter(caller.key, project.number):
            raise ApiError(HTTPStatus.NOT_FOUND)
        return Answer(HTTPStatus.OK, views.project(request, project))

    def _list(self, request: Request, caller: Caller) -> Answer:
        wanted = query.conditions(PROJECT, request.query)
        everything = request.parameter("all") == "true" or not self._rules.access_control
        found = [
            project
            for project in self._database.projects.values()
            if self._listed(caller, project, everything=everything)
            and query.matches(wanted, project.value)
        ]

        def show(project: Project) -> dict[str, object]:
            return views.project(request, project)

        document = views.collection(request, self._rules, PROJECT, found, show, wanted=wanted)
        return Answer(HTTPStatus.OK, document)

    def _listed(self, caller: Caller, project: Project, *, everything: bool) -> bool:
        if everything or not caller.key.person:
            return self._gate.may_enter(caller.key, project.number)
        return project.number in caller.key.projects


class Settings:
    """The global settings."""

    def __init__(self, rules: Rules, database: Database) -> None:
        self._database = database
        self._rules = rules

    def answer(self, request: Request, caller: Caller) -> Answer:
        """Return the answer to GET or PUT."""
        known = SETTINGS if caller.is_admin else ()
        if request.id is None:
            return self._list(request, known)
        if request.id not in known:
            raise ApiError(HTTPStatus.NOT_FOUND)
        if request.method == "PUT":
            given = validation.accepted(SETTING.fields, request.values(), creating=False)
            self._database.settings[request.id] = given.get("value") or ""
        return Answer(HTTPStatus.OK, self._show(request, request.id))

    def _list(self, request: Request, known: tuple[str, ...]) -> Answer:
        def show(name: str) -> dict[str, object]:
            return self._show(request, name)

        document = views.collection(request, self._rules, SETTING, list(known), show, wanted={})
        return Answer(HTTPStatus.OK, document)

    def _show(self, request: Request, name: str) -> dict[str, object]:
        value = self._database.settings.get(name)
        return {
            "id": name,
            "type": "activeSetting",
            "links": {"self": views.resource_url(request, SETTING, name)},
            "actions": {},
            "baseType": "setting",
            "name": name,
            "activeValue": value or "",
            "inDb": value is not None,
            "source": "Code Packaged Defaults" if value is None else "Database",
            "value": value or "",
        }
