"""The API: from a request to an answer."""

import json
from http import HTTPStatus
from typing import Any, Final

import yaml

from tests.doubles.kubernetes import decoding, discovery, patches, reviews
from tests.doubles.kubernetes.access import Gate, User
from tests.doubles.kubernetes.kinds import AUTHORIZATION, REVIEWS, Kind, found
from tests.doubles.kubernetes.message import Answer, Options, Request
from tests.doubles.kubernetes.paths import Attributes
from tests.doubles.kubernetes.rbac import Roles
from tests.doubles.kubernetes.reading import Reader
from tests.doubles.kubernetes.statuses import (
    ApiError,
    Flaw,
    bad_request,
    forbidden_value,
    invalid_options,
    no_such_resource,
    required,
)
from tests.doubles.kubernetes.storage import Key, Stored
from tests.doubles.kubernetes.watching import Watches
from tests.doubles.kubernetes.writing import Writer

_PROPAGATION: Final = frozenset({"Orphan", "Background", "Foreground", "None"})
_ACCEPTED: Final = ("application/json", "application/*", "*/*")


class Api:
    """Answers requests: who asks, may they, and then what they asked for."""

    def __init__(
        self, gate: Gate, roles: Roles, reader: Reader, writer: Writer, watches: Watches
    ) -> None:
        self._gate = gate
        self._roles = roles
        self._reader = reader
        self._writer = writer
        self._watches = watches

    def answer(self, request: Request, asked: Attributes) -> Answer:
        """Return the answer, a refusal too."""
        try:
            user = self._gate.identify(request.headers.get("authorization", ""))
            self._roles.require(user, asked)
            if not asked.resource:
                return discovery.answer(asked.path)
            return self._about_resource(request, asked, user)
        except ApiError as error:
            return Answer.refusal(error)

    def _about_resource(self, request: Request, asked: Attributes, user: User) -> Answer:
        _negotiate(request)
        if (asked.group, asked.version) == (AUTHORIZATION, "v1") and asked.resource in REVIEWS:
            if asked.verb != "create":
                raise _not_allowed()
            return reviews.review(self._roles, user, asked.resource, request)
        kind = found(asked.group, asked.version, asked.resource)
        if kind is None or asked.subresource not in {"", *kind.subresources}:
            raise no_such_resource()
        namespace = asked.namespace if kind.namespaced else ""
        if asked.verb == "list":
            return self._reader.list(kind, namespace, request)
        if asked.verb == "watch":
            return self._watches.open(kind, namespace, request)
        if asked.verb not in kind.verbs or (kind.namespaced and not namespace):
            raise _not_allowed()
        key = (namespace, asked.name)
        if asked.verb == "get":
            return Answer(HTTPStatus.OK, kind.whole(self._reader.get(kind, key).content))
        return self._write(kind, key, asked, request, user)

    def _write(
        self, kind: Kind, key: Key, asked: Attributes, request: Request, user: User
    ) -> Answer:
        if asked.verb == "create":
            if key[1]:
                raise _not_allowed()
            options = Options.of(request, "CreateOptions", user.name)
            document = decoding.parsed(request, kind.name)
            stored, dropped = self._writer.create(kind, key[0], document, options)
            return _written(kind, stored, dropped, HTTPStatus.CREATED)
        if asked.verb in {"delete", "deletecollection"}:
            return self._delete(kind, key, request, user)
        there = self._reader.has(kind, key)
        if asked.verb == "update":
            options = Options.of(request, "UpdateOptions", user.name)
            document = decoding.parsed(request, kind.name)
            stored, dropped = self._writer.update(kind, key, document, options, asked.subresource)
        else:
            stored, dropped = self._patch(kind, key, asked, request, user)
        status = HTTPStatus.OK if there else HTTPStatus.CREATED
        return _written(kind, stored, dropped, status)

    def _patch(
        self, kind: Kind, key: Key, asked: Attributes, request: Request, user: User
    ) -> tuple[Stored, list[str]]:
        options = Options.of(request, "PatchOptions", user.name)
        apply = request.media_type == patches.APPLY
        if apply and not request.query.get("fieldManager"):
            flaw = required("fieldManager", "is required for apply patch")
            raise invalid_options("PatchOptions", flaw)
        if options.force and not apply:
            flaw = forbidden_value("force", "may not be specified for non-apply patch")
            raise invalid_options("PatchOptions", flaw)
        return self._writer.patch(
            kind, key, request.media_type, _patch(request), options, subresource=asked.subresource
        )

    def _delete(self, kind: Kind, key: Key, request: Request, user: User) -> Answer:
        options = Options.of(request, "DeleteOptions", user.name)
        document = decoding.parsed(request, "DeleteOptions") if request.content else {}
        _propagation(request, document)
        if not key[1]:
            return self._delete_all(kind, key[0], request, options)
        stored = self._writer.delete(kind, key, document, options)
        still = self._reader.has(kind, key) and not options.dry_run
        if still or kind.returns_deleted or not kind.namespaced:
            return Answer(HTTPStatus.OK, kind.whole(stored.content))
        uid = stored.body["metadata"]["uid"]
        details = {"name": key[1], "group": kind.group, "kind": kind.resource, "uid": uid}
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        shown = {name: value for name, value in details.items() if value}
        return Answer.of({**status, "details": shown})

    def _delete_all(self, kind: Kind, namespace: str, request: Request, options: Options) -> Answer:
        answer = self._reader.list(kind, namespace, request)
        listed = json.loads(answer.content)
        for item in listed["items"]:
            self._writer.delete(kind, (namespace, item["metadata"]["name"]), None, options)
        return answer


def _written(kind: Kind, stored: Stored, dropped: list[str], status: int) -> Answer:
    answer = Answer(status, kind.whole(stored.content))
    if dropped:
        answer.headers["Warning"] = ", ".join(
            f'299 - "unknown field \\"{one}\\""' for one in dropped
        )
    return answer


def _patch(request: Request) -> Any:
    """Return the patch. An apply patch is YAML, of which JSON is a part."""
    if request.media_type != patches.APPLY:
        return decoding.parsed(request, "Patch")
    try:
        return json.loads(request.content)
    except ValueError:
        pass
    try:
        return yaml.safe_load(request.content)
    except yaml.YAMLError:
        raise bad_request("error decoding YAML") from None


def _negotiate(request: Request) -> None:
    """Insist that JSON is taken (endpoints/handlers/negotiation)."""
    accepted = request.headers.get("accept", "*/*")
    types = {part.strip() for one in accepted.split(",") for part in [one.partition(";q=")[0]]}
    if types.isdisjoint(_ACCEPTED):
        message = (
            "only the following media types are accepted: application/json, application/yaml, "
            "application/vnd.kubernetes.protobuf"
        )
        raise ApiError(HTTPStatus.NOT_ACCEPTABLE, "NotAcceptable", message)


def _propagation(request: Request, document: Any) -> None:
    given = request.query.get("propagationPolicy") or (document or {}).get("propagationPolicy")
    if given and given not in _PROPAGATION:
        said = ", ".join(f'"{one}"' for one in sorted(_PROPAGATION))
        flaw = Flaw(
            "FieldValueNotSupported", "propagationPolicy", f"supported values: {said}", given
        )
        raise invalid_options("DeleteOptions", flaw)


def _not_allowed() -> ApiError:
    message = "the server does not allow this method on the requested resource"
    return ApiError(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", message, details={})
