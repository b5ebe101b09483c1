"""What each path answers."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from refresher.model.standing import Survey
from refresher.observe.health import Health, liveness, readiness
from refresher.observe.lines import printable
from refresher.observe.metrics import Metrics
from refresher.observe.web.site import Answer, Page, text


def pages(
    stalled: Callable[[], str], survey: Callable[[], Survey], metrics: Metrics
) -> dict[str, Page]:
    """Return the pages by path.

    `stalled` says why the daemon makes no progress, "" while it does, and
    `survey` how everything stands.
    """

    def show_metrics(environ: Mapping[str, Any]) -> Answer:
        content_type, body = metrics.exposition(environ.get("HTTP_ACCEPT", ""))
        return Answer(body, content_type=content_type)

    return {
        "/healthz": lambda _: _shown(liveness(printable(stalled()))),
        "/readyz": lambda _: _shown(readiness(survey().places)),
        # To the letter what Rancher's ECR updater answers: checks of it may compare.
        "/ping": lambda _: Answer(b"pong!"),
        "/metrics": show_metrics,
    }


def _shown(health: Health) -> Answer:
    status = HTTPStatus.OK if health.ok else HTTPStatus.SERVICE_UNAVAILABLE
    return text(*health.lines, status=status)
