"""For how long missing AWS keys are taken for a matter of time."""

from typing import Final

from refresher.ports import Tools

_SECONDS: Final = 300.0
_AGENTS: Final = (
    "KUBERNETES_SERVICE_HOST",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EXECUTION_ENV",
    "ECS_CONTAINER_METADATA_URI",
    "ECS_CONTAINER_METADATA_URI_V4",
)
"""Variables that are there where something hands out keys: Kubernetes, ECS, EC2, kiam and others.

https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
"""


class Settling:
    """The first minutes of a process: the agents that hand out keys may start after it.

    Pods start before the agents of EKS Pod Identity, kiam and others do. Elsewhere
    nothing will come, and a person waits to hear it: on a laptop, or where the
    metadata service is disabled. Sources that are named but not up fail in their
    own, retryable way.
    """

    def __init__(self, tools: Tools) -> None:
        """Begin now."""
        self._clock = tools.clock
        self._end = tools.clock.monotonic() + _SECONDS
        disabled = tools.env.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
        self._likely = not disabled and any(map(tools.env.get, _AGENTS))

    def lasts(self) -> bool:
        """Tell whether missing keys may still come."""
        return self._likely and self._clock.monotonic() < self._end
