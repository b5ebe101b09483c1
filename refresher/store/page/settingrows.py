"""The settings of the registry page as rows."""

from collections.abc import Mapping
from typing import Final

from refresher.model.registered import PREFERENCE, Preference
from refresher.store.session import Session

_ALL: Final = "SELECT name, value FROM setting"
_ONE: Final = "SELECT value FROM setting WHERE name = :name"
_SAVE: Final = """
    INSERT INTO setting (name, value) VALUES (:name, :value)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value"""
_FORGET: Final = "DELETE FROM setting WHERE name = :name"


def load(session: Session) -> Mapping[str, str]:
    """Return the settings that are set, by name; what is no text counts as absent."""
    return {
        name: value
        for name, value in session.execute(_ALL)
        if isinstance(name, str) and isinstance(value, str) and value
    }


def preference(session: Session) -> Preference:
    """Return which active credential of a registry is in use."""
    row = session.execute(_ONE, {"name": PREFERENCE}).fetchone()
    return Preference.OLDEST if row and row[0] == Preference.OLDEST else Preference.NEWEST


def save(session: Session, name: str, value: str) -> None:
    """Set a setting; an empty value is its default."""
    session.execute(_SAVE if value else _FORGET, {"name": name, "value": value})
