"""The options of a `kubernetes` sink."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from refresher.options import Options as BaseOptions
from refresher.options import SettingsPath
from refresher.sinks.kubernetes.choice import DEFAULT, Accounts, Namespaces, is_pattern
from refresher.sinks.kubernetes.names import SUBDOMAIN, SecretName, secret_name

_LABEL: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_LONGEST_LABEL: Final = 63
_GLOB: Final = re.compile(r"[-a-z0-9*?\[\]!]+")
_WORD: Final = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_LABEL_KEY: Final = rf"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?{_WORD}"
_TERM: Final = (
    rf"\s*(?:!?\s*{_LABEL_KEY}|{_LABEL_KEY}\s*(?:==?|!=)\s*(?:{_WORD})?"
    rf"|{_LABEL_KEY}\s+(?:not)?in\s*\(\s*(?:{_WORD})?(?:\s*,\s*(?:{_WORD})?)*\s*\))\s*"
)
_SELECTOR: Final = re.compile(rf"{_TERM}(?:,{_TERM})*")


def _namespace(name: str) -> str:
    if not is_pattern(name):
        if not _LABEL.fullmatch(name) or len(name) > _LONGEST_LABEL:
            raise ValueError("is no name of a namespace: write lower-case letters, digits and '-'")
    elif not _GLOB.fullmatch(name):
        raise ValueError("is no pattern of a namespace: write letters, digits, '-', * ? and [...]")
    return name


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error:
        raise ValueError("is no regular expression") from None
    return text


def _selector(text: str) -> str:
    if not _SELECTOR.fullmatch(text):
        raise ValueError("is no label selector: write for example env=prod,tier in (web,api)")
    return text.strip()


def _account(name: str) -> str:
    if not SUBDOMAIN.fullmatch(name):
        raise ValueError("is no name of a service account")
    return name


def _secret(value: object) -> SecretName:
    if isinstance(value, SecretName):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text")  # noqa: TRY004 - pydantic's protocol
    return secret_name(value)


def _listed(value: object) -> object:
    """Take names alone for what they are: `shop` and `[shop, "team-*"]`."""
    if isinstance(value, str):
        return {"names": [value]}
    return {"names": value} if isinstance(value, (list, tuple)) else value


NamespaceName = Annotated[str, AfterValidator(_namespace)]
"""The name of a namespace, or a pattern of such names."""

Regex = Annotated[str, AfterValidator(_regex)]
"""A regular expression (Python's), matched from end to end."""

Selector = Annotated[str, AfterValidator(_selector)]
"""A label selector
(https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors)."""

AccountName = Annotated[str, AfterValidator(_account)]
"""The name of a service account."""

Name = Annotated[SecretName, PlainValidator(_secret), WithJsonSchema({"type": "string"})]
"""The name of a Secret, see `refresher.sinks.kubernetes.names`."""


class NamespacesOptions(BaseOptions):
    """Which namespaces: `names` and `regex` add, `labels` narrows, `exclude` takes away."""

    names: tuple[NamespaceName, ...] = ()
    regex: tuple[Regex, ...] = ()
    labels: Selector | None = None
    exclude: tuple[NamespaceName, ...] = ()

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.names or self.regex or self.labels or self.exclude):
            raise ValueError('says nothing: write names: ["*"] for all of them')
        open_ended = self.regex or any(map(is_pattern, self.names))
        if self.names and not open_ended and not self.chosen.literal:
            raise ValueError("exclude takes away every one of names")
        return self

    @property
    def chosen(self) -> Namespaces:
        """What is meant."""
        return Namespaces(self.names, self.regex, self.labels or "", self.exclude)


class AccountsOptions(BaseOptions):
    """Which service accounts of each namespace: by `names` or by `labels`."""

    names: tuple[AccountName, ...] = ()
    labels: Selector | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.names) == (self.labels is not None):
            raise ValueError("must say exactly one of names and labels")
        return self


class Options(BaseOptions):
    """Which cluster, which namespaces, and what the Secret is called there."""

    kubeconfig: SettingsPath | None = None
    """By default the pod's own service account; outside of a cluster `$KUBECONFIG` or
    `~/.kube/config`."""
    context: Annotated[str, Field(min_length=1)] | None = None
    """By default the kubeconfig's current one."""
    secret: Name = SecretName("refresher")
    """A name; with `{registry}` in it, each registry has a Secret of its own."""
    namespaces: Annotated[NamespacesOptions | None, BeforeValidator(_listed)] = None
    """By default the pod's own namespace, or the context's."""
    service_accounts: Literal["none", "default", "all"] | AccountsOptions = "none"
    """Whose `imagePullSecrets` are to name the Secret, so that pods need not."""
    adopt: bool = False
    """Whether our entries are put into a Secret of that name that somebody else made."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    """How many namespaces are written at a time."""

    @property
    def accounts(self) -> Accounts:
        """The service accounts that are meant."""
        match self.service_accounts:
            case AccountsOptions(names=names, labels=labels):
                return Accounts(tuple(dict.fromkeys(names)), labels or "")
            case "default":
                return Accounts((DEFAULT,))
            case "all":
                return Accounts(everyone=True)
        return Accounts()

    def chosen(self, own: str) -> Namespaces:
        """Return the namespaces that are meant. `own` is the one of this process."""
        return Namespaces((own,)) if self.namespaces is None else self.namespaces.chosen
