"""The calls to AWS. Importing this module loads botocore: import it when a fetch begins.

Each attempt has a session of its own, so that keys, profiles and token files are
read again every time, and a client of its own, so that no dead connection is met
twice. What is dear about them, the service models, is shared (`refresher.providers.aws.models`).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError
from botocore.session import Session

from refresher.errors import RefresherError
from refresher.ports import Clock
from refresher.providers.aws.errors import Scene, answer_time, is_stale, translate
from refresher.providers.aws.exchange import Exchange
from refresher.providers.aws.models import shared_models
from refresher.providers.aws.options import Identity, TokenRequest
from refresher.providers.aws.sources import bound_sources
from refresher.providers.aws.trust import check_authorities

_SHORTEST_SESSION: Final = 900
"""Seconds, the least that STS grants. The role's keys are used once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What GetAuthorizationToken answered, at `answered_at` by AWS's clock."""

    authorization_data: Any
    answered_at: datetime | None


def authorization_token(
    request: TokenRequest, clock: Clock, deadline: float, *, settling: bool = False
) -> Answer:
    """Ask for a token within `deadline` seconds.

    Keys that AWS calls ended or unknown are read again and tried once more: another
    process may have replaced them meanwhile. `settling` as in `errors.Scene`.
    Raises errors of this package, without a cause: botocore's repeat what others said.
    """
    with Exchange(clock, deadline, request.subject()) as exchange:
        for _ in range(2):
            try:
                return _attempt(request, exchange)
            except Exception as error:  # noqa: BLE001 - botocore raises many kinds
                fault = _fault(error, request, exchange, clock.now(), settling=settling)
                if not is_stale(error):
                    break
    # Outside of the handler, so that botocore's error hangs on nothing that may be printed.
    fault.__context__ = None
    raise fault


def check_locally(request: TokenRequest, clock: Clock) -> None:
    """Raise `PermanentError` for what a fetch would stumble over before it asks anybody.

    A profile that does not exist, malformed files, a region that nobody names,
    certificate authorities that can't be read.
    """
    try:
        session = _session(request.identity)
        session.get_scoped_config()
        _region(request, session)
        trust = _trust(request.identity, session)
        # botocore's own last resort.
        check_authorities(os.environ.get("REQUESTS_CA_BUNDLE", "") if trust is None else trust)
    except Exception as error:  # noqa: BLE001 - see authorization_token
        fault = translate(error, Scene(request.subject(), request.identity, now=clock.now()))
    else:
        return
    fault.__context__ = None
    raise fault


def _fault(
    error: Exception, request: TokenRequest, exchange: Exchange, now: datetime, *, settling: bool
) -> RefresherError:
    # What a connection that was cut leads to is no fault of keys, files or answers.
    if exchange.wire.is_cut and not isinstance(error, (RefresherError, ClientError)):
        return exchange.too_late()
    scene = Scene(
        request.subject(),
        request.identity,
        now=now,
        answered_at=exchange.answered_at,
        settling=settling,
    )
    return translate(error, scene)


def _attempt(request: TokenRequest, exchange: Exchange) -> Answer:
    session = _open(request, exchange)
    keys = exchange.hold(_keys(session))
    if request.identity.role_arn:
        keys = exchange.hold(_assume_role(session, keys, request.identity, exchange))
    variants = {"use_fips_endpoint": request.fips, "use_dualstack_endpoint": request.dualstack}
    config = exchange.config(**{name: True for name, wanted in variants.items() if wanted})
    # No registryIds: deprecated, and a token's reach does not depend on them (ECR API reference).
    answer = _ask(session, request.service, keys, config, "get_authorization_token")
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return Answer(answer.get("authorizationData"), answer_time(headers))


def _session(identity: Identity) -> Session:
    session = Session(profile=identity.profile)
    if session.get_config_variable("profile") == "":
        # What is left of `AWS_PROFILE: ${PROFILE}` where nobody gives one: no name of a profile.
        session.get_component("config_store").set_config_variable("profile", None)
    return session


def _open(request: TokenRequest, exchange: Exchange) -> Session:
    session = _session(request.identity)
    session.register_component(
        "data_loader", shared_models(session.get_config_variable("data_path"))
    )
    # The clients that botocore makes to obtain keys take region, timeouts and trust from here.
    session.set_config_variable("region", _region(request, session))
    session.set_default_client_config(exchange.config())
    trust = _trust(request.identity, session)
    if trust is not None:
        # Some versions of botocore take an empty AWS_CA_BUNDLE for a wish not to verify at all.
        session.set_config_variable("ca_bundle", trust or True)
    session.register("response-received", exchange.hear)
    session.register("before-parse", exchange.refuse_pages)
    session.register("creating-client-class", exchange.wire.bound_client)
    bound_sources(session, exchange)
    return session


def _region(request: TokenRequest, session: Session) -> str:
    region: str | None = request.region or session.get_config_variable("region")
    if not region:
        raise NoRegionError
    return region


def _trust(identity: Identity, session: Session) -> str | None:
    if identity.ca_file is not None:
        return str(identity.ca_file)
    bundle: str | None = session.get_config_variable("ca_bundle")
    return bundle


def _keys(session: Session) -> ReadOnlyCredentials:
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    return credentials.get_frozen_credentials()


def _assume_role(
    session: Session, keys: ReadOnlyCredentials, identity: Identity, exchange: Exchange
) -> ReadOnlyCredentials:
    wanted: dict[str, Any] = {
        "RoleArn": identity.role_arn,
        "RoleSessionName": identity.session_name,
        "DurationSeconds": _SHORTEST_SESSION,
    }
    if identity.external_id:
        wanted["ExternalId"] = identity.external_id
    answer = _ask(session, "sts", keys, exchange.config(), "assume_role", **wanted)
    granted = answer["Credentials"]
    return ReadOnlyCredentials(
        granted["AccessKeyId"], granted["SecretAccessKey"], granted["SessionToken"]
    )


def _ask(
    session: Session,
    service: str,
    keys: ReadOnlyCredentials,
    config: Config,
    operation: str,
    **arguments: Any,
) -> Mapping[str, Any]:
    client = session.create_client(
        service,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
        config=config,
    )
    try:
        answer: Mapping[str, Any] = getattr(client, operation)(**arguments)
        return answer
    finally:
        client.close()
