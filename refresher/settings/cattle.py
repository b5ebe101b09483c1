"""Settings from the environment that Rancher's ECR updater takes, for who comes from there.

A container that was started with it needs no settings file: the token of ECR goes into the
environment of Rancher that the keys belong to. Names and meanings of the variables are those
of https://github.com/rancher/rancher-ecr-credentials (README.md, main.go). The keys stay in
the environment: the settings hold the names of their variables.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Final

from refresher.errors import Problem, SettingsError
from refresher.model import listen
from refresher.model.cloudhosts import ecr_address
from refresher.settings.reader import Reader
from refresher.settings.tree import tree
from refresher.settings.values import Settings

_SOURCE: Final = "environment"
_URLS: Final = ("CATTLE_URL", "CATTLE_CONFIG_URL")
_KEYS: Final = (
    ("CATTLE_ACCESS_KEY", "CATTLE_SECRET_KEY"),
    # In a container with several roles (rancher/cattle, AgentInstanceAuthObjectPostProcessor).
    ("CATTLE_ENVIRONMENT_ACCESS_KEY", "CATTLE_ENVIRONMENT_SECRET_KEY"),
)
_SERVER: Final = (*_URLS, *chain.from_iterable(_KEYS))
_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
_OWN: Final = ("AUTO_CREATE", "AWS_ECR_REGISTRY_IDS", "LISTEN_PORT", "LOG_LEVEL")
_OLD_NAMES: Final = {
    "AWS_ACCESS_KEY": "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_KEY": "AWS_SECRET_ACCESS_KEY",
}
"""Names that the AWS SDK for Go alone reads (aws-sdk-go, aws/credentials/env_provider.go)."""

_ACCOUNT: Final = re.compile("[0-9]{12}")
_PORT: Final = "8080"
_WORDS: Final = {
    **dict.fromkeys(("1", "t", "true", "y", "yes", "on"), "true"),
    **dict.fromkeys(("0", "f", "false", "n", "no", "off"), "false"),
}
_LEVELS: Final = {
    **dict.fromkeys(("panic", "fatal", "error"), "error"),
    **dict.fromkeys(("warn", "warning"), "warning"),
    "info": "info",
    **dict.fromkeys(("debug", "trace"), "debug"),
}
"""The levels of logrus, by which the updater logs, in our words."""

_FIELDS: Final = {"listen": "LISTEN_PORT", "providers.ecr.role_arn": "AWS_ROLE_ARN"}
_WITHOUT_VARIABLE: Final = dict.fromkeys(("environments", "activate", "ca_file"), "")
"""Settings of the sink that only a settings file can hold."""

_HINT: Final = (
    "Rancher sets the server and the keys in containers of a service with the labels "
    "io.rancher.container.create_agent: true and io.rancher.container.agent.role: environment; "
    "where a settings file is, none of these variables is needed"
)


def is_for_cattle(env: Mapping[str, str]) -> bool:
    """Tell whether `env` names a Rancher server or keys to one, whole or in part."""
    given = _given(env)
    return any(name in given for name in _SERVER)


def unheard(env: Mapping[str, str]) -> str:
    """Return what to tell where a settings file counts instead of `env`, "" for nothing.

    The server and the keys are left out: the file may well name their variables.
    """
    given = _given(env)
    names = [name for name in _OWN if name in given and is_for_cattle(env)]
    return f"{', '.join(names)}: not used, since a settings file is" if names else ""


def for_cattle(env: Mapping[str, str]) -> Settings:
    """Return what does the updater's job: a provider `ecr` and a sink `rancher`.

    A variable that is blank counts as not set. Raises `SettingsError`, which lists
    every variable that is missing or wrong.
    """
    given = _given(env)
    reading = _Reading(given)
    url = reading.one_of(_URLS)
    sink = reading.sink(url)
    plain = {
        "log_level": reading.log_level(),
        "listen": reading.address(),
        "providers": {"ecr": reading.provider()},
        "sinks": {"rancher": sink},
    }
    reader = Reader(tree(plain), _SOURCE, Path(), env)
    reader.problems += reading.problems
    try:
        made = reader.settings()
    except SettingsError as error:
        told = _by_variable(error.problems, {**_FIELDS, "sinks.rancher.url": url})
        missing = any(name in told and name not in given for name in _SERVER)
        problems = tuple(told.values())
        raise SettingsError(_SOURCE, problems, hint=_HINT if missing else "") from None
    names = {
        "url": url,
        "keys": f"{sink['access_key_env']} and {sink['secret_key_env']}",
        "create": "AUTO_CREATE=true",
        **_WITHOUT_VARIABLE,
    }
    return replace(made, sinks={"rancher": replace(made.sinks["rancher"], names=names)})


def _by_variable(problems: Iterable[Problem], names: Mapping[str, str]) -> dict[str, Problem]:
    """Return the first problem of each variable; `names` are those of fields of the settings."""
    told: dict[str, Problem] = {}
    for each in problems:
        name = names.get(each.field, each.field)
        told.setdefault(name, replace(each, field=name))
    return told


def _given(env: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, value in env.items() if (text := value.strip())}


class _Reading:
    """Makes settings of the variables that are not blank; `problems` grows on the way."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._given = given

    def one_of(self, names: tuple[str, ...]) -> str:
        """Return the first of the names that is given; where none is, complain of the first."""
        found = next((name for name in names if name in self._given), None)
        if found is None:
            self._complain(names[0], "is not set")
        return found or names[0]

    def sink(self, url: str) -> dict[str, str]:
        """Return the settings of the sink. One pair of keys has to be whole."""
        access, secret = max(_KEYS, key=lambda pair: sum(name in self._given for name in pair))
        return {
            "type": "rancher",
            "url": self._given.get(url, ""),
            "access_key_env": self.one_of((access,)),
            "secret_key_env": self.one_of((secret,)),
            "create": self._word("AUTO_CREATE", "false", _WORDS),
        }

    def provider(self) -> dict[str, object]:
        """Return the settings of the provider; without accounts, the token's own registry."""
        from refresher.providers.aws.options import (  # noqa: PLC0415 - slow, and for this alone
            is_region,
        )

        for old, name in _OLD_NAMES.items():
            if old in self._given and name not in self._given:
                self._complain(old, f"is not known here: name it {name}")
        made: dict[str, object] = {"type": "ecr"}
        variable = self.one_of(_REGIONS)
        region, accounts = self._given.get(variable, ""), self._accounts()
        if is_region(region):
            made["region"] = region
            made["registries"] = [ecr_address(account, region) for account in accounts]
        elif region:
            self._complain(variable, "must be an AWS region like us-west-2")
        # With a token file the role is not one to assume: the AWS chain takes both by itself.
        if "AWS_ROLE_ARN" in self._given and "AWS_WEB_IDENTITY_TOKEN_FILE" not in self._given:
            made["role_arn"] = self._given["AWS_ROLE_ARN"]
        return made

    def log_level(self) -> str:
        """Return the log's level."""
        return self._word("LOG_LEVEL", "info", _LEVELS)

    def address(self) -> str | None:
        """Return where to listen: on every address, as the updater does, unless more is said."""
        if "LISTEN_PORT" not in self._given and listen.VARIABLE in self._given:
            return None
        address = f":{self._given.get('LISTEN_PORT', _PORT)}"
        if listen.defect(address):
            self._complain("LISTEN_PORT", "must be a port: a number up to 65535")
        return address

    def _accounts(self) -> list[str]:
        name = "AWS_ECR_REGISTRY_IDS"
        items = [item.strip() for item in self._given.get(name, "").split(",")]
        accounts = list(dict.fromkeys(filter(None, items)))
        if all(map(_ACCOUNT.fullmatch, accounts)) and (accounts or name not in self._given):
            return accounts
        self._complain(name, "must be ids of AWS accounts, 12 digits each, with commas between")
        return []

    def _word(self, name: str, default: str, meanings: Mapping[str, str]) -> str:
        meaning = meanings.get(self._given.get(name, default).lower())
        if meaning is None:
            self._complain(name, f"must be one of {', '.join(meanings)}")
        return meaning or default

    def _complain(self, name: str, message: str) -> None:
        self.problems.append(Problem(message, name))
