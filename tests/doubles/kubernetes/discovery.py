"""What a server says about itself: versions, groups, resources, health."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from tests.doubles.kubernetes.kinds import AUTHORIZATION, KINDS, REVIEWS, Kind
from tests.doubles.kubernetes.message import Answer

VERSION: Final = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.0",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2026-04-22T00:00:00Z",
    "goVersion": "go1.26.0",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_HEALTH: Final = frozenset({"/healthz", "/livez", "/readyz"})
_TEXT: Final = "text/plain; charset=utf-8"


def answer(path: str) -> Answer:
    """Answer a request that is about no resource."""
    if path in _HEALTH:
        return Answer(HTTPStatus.OK, b"ok", content_type=_TEXT)
    document = _documents().get(path.rstrip("/"))
    if document is None:
        return Answer(HTTPStatus.NOT_FOUND, b"404 page not found\n", content_type=_TEXT)
    return Answer.of(document)


def _documents() -> dict[str, dict[str, Any]]:
    groups = [*dict.fromkeys(kind.group for kind in KINDS if kind.group), AUTHORIZATION]
    documents: dict[str, dict[str, Any]] = {
        "/version": VERSION,
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(name) for name in groups],
        },
        "/api/v1": _resources("v1", (kind for kind in KINDS if not kind.group)),
    }
    for name in groups:
        documents[f"/apis/{name}"] = {"kind": "APIGroup", "apiVersion": "v1", **_group(name)}
        kinds = (kind for kind in KINDS if kind.group == name)
        documents[f"/apis/{name}/v1"] = _resources(f"{name}/v1", kinds)
    documents[f"/apis/{AUTHORIZATION}/v1"]["resources"] = [
        {
            "name": resource,
            "singularName": kind.lower(),
            "namespaced": False,
            "kind": kind,
            "verbs": ["create"],
        }
        for resource, kind in REVIEWS.items()
    ]
    return documents


def _group(name: str) -> dict[str, Any]:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resources(group_version: str, kinds: Iterable[Kind]) -> dict[str, Any]:
    listed = []
    for kind in kinds:
        about = {"namespaced": kind.namespaced, "kind": kind.name}
        listed.append(
            {
                "name": kind.resource,
                "singularName": kind.name.lower(),
                **about,
                "verbs": list(kind.verbs),
                **({"shortNames": list(kind.short_names)} if kind.short_names else {}),
            }
        )
        listed += [
            {
                "name": f"{kind.resource}/{part}",
                "singularName": "",
                **about,
                "verbs": ["get", "patch", "update"] if part == "status" else ["update"],
            }
            for part in kind.subresources
        ]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": listed,
    }
