"""Which AWS identity a provider uses: the settings that all AWS providers share.

Nothing here needs botocore. Where a setting is not given, botocore's own chain
decides (environment, profile, SSO, web identity, container, instance metadata,
credential_process), and it reads the environment of the process itself.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, ValidationInfo, field_validator

from refresher.options import Options, SettingsPath

_ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)
_SESSION_NAME: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_EXTERNAL_ID: Final = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_REGION: Final = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks AWS. What is None or empty is left to botocore's chain."""

    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)
    session_name: str = "refresher"
    ca_file: Path | None = None


def _must_match(pattern: re.Pattern[str], wanted: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"must be {wanted}")
        return value

    return check


RoleArn = Annotated[
    str,
    AfterValidator(_must_match(_ROLE_ARN, "a role like arn:aws:iam::123456789012:role/puller")),
]
SessionName = Annotated[
    str, AfterValidator(_must_match(_SESSION_NAME, "2 to 64 letters, digits or any of _+=,.@-"))
]
ExternalId = Annotated[
    str, AfterValidator(_must_match(_EXTERNAL_ID, "2 to 1224 letters, digits or any of _+=,.@:/-"))
]


def is_region(text: str) -> bool:
    """Tell whether `text` is built like the name of an AWS region."""
    return _REGION.fullmatch(text) is not None


Region = Annotated[str, AfterValidator(_must_match(_REGION, "an AWS region like us-west-2"))]


class AwsOptions(Options):
    """The settings of an AWS identity.

    `profile` is a profile of the AWS configuration files. `role_arn` is a role to
    assume with that identity (limits of the other two: STS API reference,
    AssumeRole). `ca_file` holds the certificate authorities to trust instead of
    botocore's own.
    """

    profile: str | None = None
    role_arn: RoleArn | None = None
    external_id: ExternalId | None = None
    session_name: SessionName | None = None
    ca_file: SettingsPath | None = None

    @field_validator("profile")
    @classmethod
    def _profile_is_named(cls, profile: str | None) -> str | None:
        if profile == "":
            raise ValueError("is empty: leave it out, or name one")
        return profile

    @field_validator("external_id", "session_name")
    @classmethod
    def _needs_a_role(cls, text: str | None, info: ValidationInfo) -> str | None:
        # A role that is malformed is missing here, and complained about already.
        if text is not None and info.data.get("role_arn", "") is None:
            raise ValueError("is only used with role_arn, which is not given")
        return text

    def identity(self) -> Identity:
        """Return the identity that these settings describe."""
        return Identity(
            profile=self.profile,
            role_arn=self.role_arn,
            external_id=self.external_id,
            session_name=self.session_name or "refresher",
            ca_file=self.ca_file,
        )


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One call of GetAuthorizationToken.

    `service` is `ecr` or `ecr-public`. Without `region` the AWS environment or the
    profile says it. `fips` and `dualstack` ask for those endpoints; where they are
    False, the AWS environment may still ask for them.
    """

    service: str
    region: str | None
    identity: Identity
    registries: tuple[str, ...] = ()
    fips: bool = False
    dualstack: bool = False

    def subject(self) -> str:
        """Return how messages name this: the service, the region, the registries."""
        name = {"ecr": "ECR", "ecr-public": "ECR Public"}[self.service]
        text = f"{name} in {self.region}" if self.region else name
        if not self.registries:
            return text
        more = f" and {len(self.registries) - 1} more" if len(self.registries) > 1 else ""
        return f"{text} for {self.registries[0]}{more}"
