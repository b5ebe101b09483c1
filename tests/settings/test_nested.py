"""What is wrong inside of an option is told as precisely as what is wrong with one."""

from pathlib import Path

import pytest

from refresher.errors import Problem, SettingsError
from refresher.settings import parse


def _problems(option: str) -> tuple[Problem, ...]:
    text = (
        "providers: {p: {type: static, registries: [r.example], username: u, password_file: p}}\n"
        f"sinks:\n  k:\n    type: kubernetes\n    {option}\n"
    )
    with pytest.raises(SettingsError) as caught:
        parse(text, "f.yaml", Path("/"), {"HOME": "/root"})
    return caught.value.problems


@pytest.mark.parametrize(
    ("option", "field", "message"),
    [
        pytest.param(
            "namespaces: {nams: [a]}", "namespaces.nams", "did you mean names?", id="a slip"
        ),
        pytest.param(
            "namespaces: {zzz: [a]}",
            "namespaces.zzz",
            "known: exclude, labels, names, regex",
            id="nothing is near",
        ),
        pytest.param(
            "service_accounts: {nams: [a]}",
            "service_accounts.nams",
            "did you mean names?",
            id="a slip in one of several shapes",
        ),
        pytest.param(
            "service_accounts: {names: [a], labels: b=c}",
            "service_accounts",
            "exactly one of names and labels",
            id="a mapping is not told to be a word",
        ),
        pytest.param(
            "service_accounts: {}",
            "service_accounts",
            "exactly one of names and labels",
            id="nor is an empty one",
        ),
        pytest.param(
            "service_accounts: {names: [A_]}",
            "service_accounts.names[0]",
            "is no name of a service account",
            id="nor is one with a bad value",
        ),
        pytest.param(
            "service_accounts: some",
            "service_accounts",
            "must be none, default or all",
            id="a word is told to be one of the words",
        ),
    ],
)
def test_one_precise_problem_is_told(option: str, field: str, message: str) -> None:
    """A name has its nearest known one, and a mapping is judged as a mapping alone."""
    (problem,) = _problems(option)
    assert (problem.field, problem.line) == (f"sinks.k.{field}", 5)
    assert message in problem.message
