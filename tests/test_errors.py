"""Errors: the kind of fault in the type, and messages that name the place."""

import pytest

from refresher.errors import (
    ClockError,
    LockTimeoutError,
    PermanentError,
    Problem,
    RefresherError,
    RetryableError,
    SettingsError,
    StoreError,
    unforeseen,
)


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        (RetryableError, RefresherError),
        (PermanentError, RefresherError),
        (ClockError, PermanentError),
        (StoreError, RetryableError),
        (LockTimeoutError, RetryableError),
        (SettingsError, PermanentError),
    ],
)
def test_the_type_tells_the_kind_of_fault(
    kind: type[RefresherError], parent: type[RefresherError]
) -> None:
    """One root holds all errors, and each has one kind."""
    assert issubclass(kind, parent)
    kinds = (RetryableError, PermanentError)
    assert sum(issubclass(kind, each) for each in kinds) == 1


@pytest.mark.parametrize("kind", [RefresherError, RetryableError, PermanentError, ClockError])
def test_the_hint_stands_apart_from_the_message(kind: type[RefresherError]) -> None:
    """A log can show what happened and what to do as two things."""
    error = kind("the key is gone", hint="make a new key")
    assert str(error) == "the key is gone"
    assert error.hint == "make a new key"
    assert kind("the key is gone").hint == ""


def test_errors_carry_what_was_measured() -> None:
    """The wait that was asked for and the measured skew travel with the error."""
    assert RetryableError("busy", retry_after=3.0).retry_after == 3.0
    assert RetryableError("busy").retry_after is None
    assert ClockError("skewed", skew=-61_200.0).skew == -61_200.0
    assert ClockError("skewed").skew is None


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("is missing"), "refresher.yaml: is missing"),
        (Problem("is missing", line=3), "refresher.yaml:3: is missing"),
        (Problem("is missing", field="store"), "refresher.yaml: store: is missing"),
        (Problem("is missing", field="store", line=3), "refresher.yaml:3: store: is missing"),
    ],
)
def test_a_problem_names_its_place(problem: Problem, text: str) -> None:
    """A problem says where it is, as far as that is known."""
    assert problem.at("refresher.yaml") == text


def test_a_settings_error_lists_everything_that_is_wrong() -> None:
    """All problems are told at once, one a line."""
    problems = (Problem("is missing", field="store"), Problem("is no list", line=7))
    error = SettingsError("refresher.yaml", problems, hint="see the README")
    assert str(error).splitlines() == [
        "refresher.yaml: store: is missing",
        "refresher.yaml:7: is no list",
    ]
    assert (error.source, error.problems, error.hint) == (
        "refresher.yaml",
        problems,
        "see the README",
    )


def test_an_unforeseen_exception_is_told_by_class_and_place() -> None:
    """Whose fault, which class, which line; the words could hold anything and stay out."""
    with pytest.raises(ValueError, match="canary") as raised:
        int("canary")
    fault = unforeseen("the provider", raised.value)
    assert str(fault).startswith("the provider has a fault of its own: ValueError at ")
    assert "test_errors.py:" in str(fault)
    assert "canary" not in str(fault)
    assert isinstance(fault.__cause__, ValueError)
    assert "at " not in str(unforeseen("the sink", KeyError("never raised")))
