"""Which rights we lack, as the server itself tells it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from refresher.sinks.kubernetes.api import Api
from refresher.sinks.kubernetes.rules import Rule
from refresher.sinks.sweep import side_by_side


def advice(api: Api, needed: Mapping[str, Sequence[Rule]], who: str, at_once: int) -> Iterator[str]:
    """Yield what is missing of the rules that are `needed`, with the rules to add as YAML.

    `needed` is by namespace, "" for all of them. Raises `RetryableError` or `PermanentError`.
    """
    asked = [
        (where, rule, verb, name)
        for where, rules in needed.items()
        for rule in rules
        for verb in rule.verbs
        for name in rule.names or ("",)
    ]
    answers = side_by_side(
        lambda each: api.may(each[2], each[1].resource, each[0], each[3]), asked, at_once
    )
    for where, rules in needed.items():
        lacking = [
            replace(rule, verbs=missing)
            for rule in rules
            if (
                missing := tuple(
                    verb
                    for verb in rule.verbs
                    if not all(answers[where, rule, verb, name] for name in rule.names or ("",))
                )
            )
        ]
        if lacking:
            yield _told(where, lacking, who)


def _told(where: str, lacking: Sequence[Rule], who: str) -> str:
    verbs = ", ".join(f"{verb} {rule.resource}" for rule in lacking for verb in rule.verbs)
    scope = f"in namespace {where}" if where else "in all namespaces"
    role = f"a Role in {where}" if where else "a ClusterRole"
    lines = "".join(f"\n  - {rule}" for rule in lacking)
    return f"{who} may not {verbs} {scope}; add to {role} that is bound to it:\nrules:{lines}"
