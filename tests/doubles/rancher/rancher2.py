"""What Rancher 2 says in the place of Rancher 1: enough to be told apart."""

from http import HTTPStatus

from tests.doubles.rancher.message import Answer, Request


def answer(request: Request) -> Answer:
    """Return the answer of a Rancher 2 server (Norman's /v3, Steve's /v1)."""
    if request.version not in {"", "v1", "v3"}:
        return Answer(HTTPStatus.NOT_FOUND, text="404 page not found\n", content_type="text/plain")
    if request.version and "authorization" not in request.headers:
        refusal = {"type": "error", "status": "401", "message": "must authenticate"}
        return Answer(HTTPStatus.UNAUTHORIZED, refusal, content_type="application/json")
    return Answer(HTTPStatus.OK, _root(request), content_type="application/json")


def _root(request: Request) -> dict[str, object]:
    version = {"group": "management.cattle.io", "path": "/v3", "version": "v3"}
    links = {"root": f"{request.origin}/v3", "self": f"{request.origin}/v3"}
    root: dict[str, object] = {"type": "apiRoot", "apiVersion": version, "links": links}
    if request.version == "v3":
        return root
    return {
        "type": "collection",
        "resourceType": "apiRoot",
        "links": {"self": f"{request.origin}/"},
        "data": [root],
    }
