"""One check of a credential: the whole line, and what it means. Loads requests.

| what happens | verdict |
|---|---|
| `/v2/` takes the credential, and for `pull` every image is there | accepted |
| `/v2/` or the token server answers 401 or 403, or with an empty token | refused |
| `/v2/` takes the credential; the image, or a token for it, is denied | forbidden |
| anything else: no answer in time, 404, 429, 5xx, TLS, a realm not trusted | inconclusive |

A registry that lets everybody in at `/v2/` is shown the credential all the same. If
it takes that, too, the login has proved nothing: inconclusive. A pull proves more.
A token server that gives anybody a token takes every login; only the pull of an
image that is not public tells.
"""

from collections.abc import Mapping
from typing import Final

from refresher.errors import RefresherError, RetryableError
from refresher.model.address import DOCKER_HUB, parse
from refresher.model.credential import Credential
from refresher.model.image import ImageReference
from refresher.ports import Clock, Judgement, Verdict
from refresher.registry.client import Answer, Client
from refresher.registry.policy import Mode, Policy, Trust
from refresher.registry.presenting import API, DENIED, OK, UNAUTHORIZED, Denied, Presenter, unclear
from refresher.registry.verifier import inconclusive

_HUB_HOST: Final = "registry-1.docker.io"
"""Where Docker Hub serves its API (moby/moby, registry/config.go)."""

_NOT_FOUND: Final = 404
_MANIFESTS: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v1+json",
)
_DIGEST: Final = "Docker-Content-Digest"


def check(
    registry: str,
    credential: Credential,
    policy: Policy,
    env: Mapping[str, str],
    clock: Clock,
    *,
    deadline: float,
    trust: Trust = Trust(),  # noqa: B008 - it is frozen
) -> Judgement:
    """Return what `registry` says to `credential` within `deadline` seconds.

    Raises `RefresherError` where the registry could not be asked or gave no clear answer.
    """
    host = parse(registry).host
    host = _HUB_HOST if host == DOCKER_HUB else host
    policy = policy.at(host, trust)
    with Client(policy, env, clock, deadline) as client:
        presenter = Presenter(client, host, policy, credential)
        presenter.knock()
        login = _login(presenter, host)
        if policy.mode is not Mode.PULL or login.verdict is Verdict.REFUSED:
            return login
        images = policy.images_at(registry)
        if not images:
            return Judgement(Verdict.INCONCLUSIVE, f"verify.images names no image at {registry}")
        return _worst(presenter, host, images)


def _login(presenter: Presenter, host: str) -> Judgement:
    answer = presenter.ask("GET", API)
    if isinstance(answer, Denied):
        return Judgement(Verdict.REFUSED, answer.reason)
    if answer.status in DENIED:
        return Judgement(Verdict.REFUSED, f"{host} answers {answer.status} to the credential")
    if answer.status != OK:
        raise unclear(host, answer.status)
    if presenter.open:
        reason = f"{host} asks nobody for a login; only a pull, of a private image, can tell"
        return Judgement(Verdict.INCONCLUSIVE, reason)
    return Judgement(Verdict.ACCEPTED)


def _worst(presenter: Presenter, host: str, images: tuple[ImageReference, ...]) -> Judgement:
    """Return the first denial; without one, the first answer that was not clear."""
    result = Judgement(Verdict.ACCEPTED)
    for image in images:
        try:
            judgement = _pull(presenter, host, image)
        except RefresherError as error:
            judgement = inconclusive(error)
        if judgement.verdict in {Verdict.REFUSED, Verdict.FORBIDDEN}:
            return judgement
        result = result if result.reason else judgement
    return result


def _pull(presenter: Presenter, host: str, image: ImageReference) -> Judgement:
    wanted = image.pulled()
    answer = presenter.ask(
        "HEAD",
        f"{API}{wanted.path}/manifests/{wanted.digest or wanted.tag}",
        scope=f"repository:{wanted.path}:pull",
        accept=", ".join(_MANIFESTS),
    )
    if isinstance(answer, Denied):
        return _denied(f"{answer.reason} for {wanted.path}", taken=presenter.taken)
    if answer.status in DENIED:
        taken = presenter.taken or answer.status != UNAUTHORIZED
        return _denied(f"{host} answers {answer.status} to a pull of {wanted}", taken=taken)
    if answer.status == _NOT_FOUND:
        raise RetryableError(f"{host} has no {wanted}", hint="correct verify.images, or push it")
    if answer.status != OK:
        raise unclear(host, answer.status)
    if not _is_manifest(answer):
        raise RetryableError(
            f"{host} answers with something that is no manifest",
            hint="check what answers in its place",
        )
    return Judgement(Verdict.ACCEPTED)


def _denied(reason: str, *, taken: bool) -> Judgement:
    return Judgement(Verdict.FORBIDDEN if taken else Verdict.REFUSED, reason)


def _is_manifest(answer: Answer) -> bool:
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return media_type in _MANIFESTS or _DIGEST in answer.headers
