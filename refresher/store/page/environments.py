"""The environments as rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from refresher.errors import PermanentError
from refresher.model.nearest import nearest
from refresher.model.registered import DEFAULT_ENVIRONMENT, Environment, refuse_environment
from refresher.store.columns import from_moment, to_count, to_date, to_text
from refresher.store.session import Row, Session

ALL: Final = """
    SELECT e.name, e.created, count(r.id)
    FROM environment e LEFT JOIN registry r ON r.environment_id = e.id AND r.state <> 'removed'
    GROUP BY e.id, e.name, e.created"""

_ID: Final = "SELECT id FROM environment WHERE name = :name"
_NAMES: Final = "SELECT name FROM environment"
_ADD: Final = """
    INSERT INTO environment (name, created) VALUES (:name, :created) ON CONFLICT DO NOTHING"""
_COUNT: Final = """
    SELECT count(*) FROM registry WHERE environment_id = :id AND state <> 'removed'"""
_REMOVE: Final = (
    """DELETE FROM credential
        WHERE registry_id IN (SELECT id FROM registry WHERE environment_id = :id)""",
    "DELETE FROM registry WHERE environment_id = :id",
    "DELETE FROM environment WHERE id = :id",
)


@dataclass(frozen=True, slots=True)
class Home:
    """The row of an environment, in which registries are looked up."""

    id: int
    name: str


def environment(row: Row) -> Environment:
    """Return the environment of a row of `ALL`. Raises `ValueError` for an unreadable one."""
    name, created, registries = row
    return Environment(to_text(name), to_date(created), to_count(registries))


def known(session: Session, name: str) -> Home:
    """Return an environment. Raises `PermanentError` if there is none of that name."""
    home = find(session, name)
    if home is None:
        raise unknown(session, name)
    return home


def find(session: Session, name: str) -> Home | None:
    """Return an environment, None if there is none of that name."""
    row = session.execute(_ID, {"name": name}).fetchone()
    return Home(int(row[0]), name) if row else None


def unknown(session: Session, name: str) -> PermanentError:
    """Return the error of a name that no environment has, with the nearest one that there is."""
    names = [each for (each,) in session.execute(_NAMES) if isinstance(each, str)]
    return PermanentError(
        f"there is no environment {name!r}{nearest(name, names)}",
        hint="add it by `refresher environment add`, or look at `refresher environment list`",
    )


def supplied(session: Session, name: str, now: datetime) -> Home:
    """Return an environment, which is added if it is missing.

    Raises `PermanentError` for a name that none can have.
    """
    home = find(session, name)
    if home is None:
        refuse_environment(name)
        _add(session, name, now)
        home = known(session, name)
    return home


def add(session: Session, name: str, now: datetime) -> Environment:
    """Add an environment. Raises `PermanentError` for a name that is taken or is none."""
    refuse_environment(name)
    if find(session, name):
        raise PermanentError(
            f"there is an environment {name!r} already", hint="choose another name, or use it"
        )
    _add(session, name, now)
    return Environment(name, now)


def remove(session: Session, name: str) -> None:
    """Remove an environment with the history of its registries.

    Raises `PermanentError` while it holds a registry, and for the default one.
    """
    home = known(session, name)
    if name == DEFAULT_ENVIRONMENT:
        raise PermanentError(
            f"environment {name} can't be removed",
            hint="it is the one that is used where none is named",
        )
    (left,) = session.execute(_COUNT, {"id": home.id}).fetchone() or (0,)
    if left:
        raise PermanentError(
            f"environment {name} holds {left} {'registry' if left == 1 else 'registries'}",
            hint="remove what is in it first: `refresher registry remove`",
        )
    for statement in _REMOVE:
        session.execute(statement, {"id": home.id})


def _add(session: Session, name: str, now: datetime) -> None:
    session.execute(_ADD, {"name": name, "created": from_moment(now)})
