"""The API: from a request to an answer."""

from http import HTTPStatus

from tests.doubles.rancher import ids, rancher2, schemas
from tests.doubles.rancher.access import Caller, Gate
from tests.doubles.rancher.database import Database
from tests.doubles.rancher.errors import ApiError
from tests.doubles.rancher.kinds import PROJECT, SCHEMA, SETTING, Kind, named
from tests.doubles.rancher.message import VERSIONS, Answer, Request
from tests.doubles.rancher.overview import Projects, Settings
from tests.doubles.rancher.resources import Resources
from tests.doubles.rancher.rules import Rules

_PAGE = (
    "<!DOCTYPE html>\n<html><head><script>var data = {};\n</script></head><body></body></html>\n"
)


class Api:
    """Answers requests. Takes the database's lock itself."""

    def __init__(self, rules: Rules, database: Database, gate: Gate) -> None:
        self._rules = rules
        self._database = database
        self._gate = gate
        self._resources = Resources(rules, database)
        self._projects = Projects(rules, database, gate)
        self._settings = Settings(rules, database)

    def answer(self, request: Request) -> Answer:
        """Return the answer."""
        if request.path == "/ping":
            return Answer(HTTPStatus.OK, text="pong", content_type="text/plain")
        if self._rules.rancher2:
            return rancher2.answer(request)
        with self._database.lock:
            return self._as_asked(request, self._json(request))

    def _json(self, request: Request) -> Answer:
        headers: dict[str, str] = {"X-Rancher-Version": self._rules.version}
        try:
            caller = self._gate.admit(request)
            headers |= self._headers(request, caller)
            answer = self._dispatch(request, caller)
        except ApiError as error:
            return Answer(error.status, error.document(), headers | error.headers)
        return Answer(answer.status, answer.document, headers)

    def _dispatch(self, request: Request, caller: Caller) -> Answer:
        if request.version not in VERSIONS:
            if request.version:
                raise ApiError(HTTPStatus.NOT_FOUND)
            return Answer(HTTPStatus.OK, _versions(request))
        if not request.rest:
            return Answer(HTTPStatus.OK, _version(request, request.version))
        kind = request.kind
        if kind is None or not _plausible(request, kind):
            raise ApiError(HTTPStatus.NOT_FOUND)
        _check_method(request, caller, kind)
        if kind is SCHEMA:
            return self._schema(request, caller)
        if kind is PROJECT:
            return self._projects.answer(request, caller)
        if kind is SETTING:
            return self._settings.answer(request, caller)
        return self._resources.answer(request, caller, kind)

    def _schema(self, request: Request, caller: Caller) -> Answer:
        if request.id is None:
            return Answer(HTTPStatus.OK, schemas.every(request, caller))
        kind = named(request.id)
        if kind is None:
            raise ApiError(HTTPStatus.NOT_FOUND)
        return Answer(HTTPStatus.OK, schemas.one(request, caller, kind))

    def _headers(self, request: Request, caller: Caller) -> dict[str, str]:
        project = self._database.projects.get(caller.account)
        return {
            "X-Api-Account-Id": ids.shown(PROJECT, caller.account),
            "X-Api-Account-Kind": caller.account_kind,
            "X-Api-Account-Name": project.name if project else caller.account_kind,
            "X-Api-Client-Ip": request.client,
            "X-Api-Schemas": f"{request.base}/schemas",
            "X-Api-User-Id": ids.shown(PROJECT, caller.key.account),
        }

    def _as_asked(self, request: Request, answer: Answer) -> Answer:
        if not _is_browser(request):
            return answer
        page = _PAGE.replace("{}", answer.encoded().decode())
        return Answer(answer.status, None, answer.headers, page, "text/html; charset=utf-8")


def _is_browser(request: Request) -> bool:
    wanted = request.parameter("_format")
    if wanted in {"html", "json"}:
        return wanted == "html"
    mozilla = "mozilla" in request.headers.get("user-agent", "").lower()
    return mozilla and "*/*" in request.headers.get("accept", "")


def _plausible(request: Request, kind: Kind) -> bool:
    """Say whether an id has the form of one; those of settings and schemas are names."""
    return not kind.prefix or request.id is None or ids.parsed(request.id) is not None


def _check_method(request: Request, caller: Caller, kind: Kind) -> None:
    collection, resource = caller.methods(kind)
    allowed = collection if request.id is None else resource
    if request.action and "POST" in collection:
        return
    if request.method not in allowed:
        raise ApiError(HTTPStatus.METHOD_NOT_ALLOWED)


def _versions(request: Request) -> dict[str, object]:
    links = {version: f"{request.origin}/{version}" for version in VERSIONS}
    return {
        "type": "collection",
        "resourceType": "apiVersion",
        "links": {"self": f"{request.origin}/", "latest": links["v2-beta"]},
        "data": [_version(request, version) for version in VERSIONS],
    }


def _version(request: Request, version: str) -> dict[str, object]:
    base = f"{request.origin}/{version}"
    names = ("projects", "registries", "registryCredentials", "schemas", "settings")
    links = {"self": base} | {name: f"{base}/{name}".lower() for name in names}
    return {"id": version, "type": "apiVersion", "links": links, "actions": {}}
