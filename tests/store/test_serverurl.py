"""What the URL of a server may be."""

from difflib import SequenceMatcher

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refresher.errors import PermanentError
from refresher.store import open_store
from refresher.store.location import location_defect
from refresher.store.serverurl import server_defect


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db.example/refresher",
        "postgres://refresher@db.example:5432/refresher",
        "postgresql://u%40corp@db.example/a%2Fb",
        "postgresql:///refresher?host=/run/postgresql&user=refresher",
        "postgresql://%2Frun%2Fpostgresql/refresher",
        "postgresql://u@[::1]:5433/refresher",
        "postgresql://u@[fe80::1%25eth0]/refresher",
        "postgresql://u@a.example:5432,b.example:5433/r?target_session_attrs=read-write",
        "postgresql://u@a.example,b.example/r",
        "postgresql://db.example:/refresher",
        "postgresql://db.example/refresher?sslmode=verify-full&sslrootcert=/etc/ca.crt",
        "postgresql://db.example/refresher?sslmode=verify-full&sslrootcert=system",
        "postgresql://db.example/refresher?passfile=/run/secrets/pgpass&connect_timeout=3",
        "postgresql://",
        "postgresql:///",
        "postgresql://db.example",
        "postgresql://db.example?sslmode=require",
    ],
)
def test_what_libpq_takes_is_right(url: str) -> None:
    """Sockets, IPv6, several hosts, encoded names and the settings of TLS are in order."""
    assert location_defect(url) == ""
    open_store(url).close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@db.example/r",
        "postgresql://u:@db.example/r",
        "postgresql://:hunter2@db.example/r",
        "postgres://u:hunter2@a.example,b.example/r",
        "postgresql://u:hun%40ter2@db.example/r",
        "postgresql://u:hunter@2@db.example/r",
        "postgresql://db.example/r?password=hunter2",
        "postgresql://db.example/r?sslmode=require&password=hunter2",
        "postgresql:///?password=hunter2",
        "postgresql://db.example/r?sslpassword=hunter2",
    ],
)
def test_a_password_is_refused(url: str) -> None:
    """Wherever it stands, it is not repeated, and the error says where it belongs."""
    with pytest.raises(
        PermanentError, match=r"^store holds a password: .*store_password_file"
    ) as e:
        open_store(url)
    assert "hunt" not in str(e.value) + e.value.hint


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u:hunter2/x@db.example/r", "has a user or a database with @ or /"),
        ("postgresql://u:1234/x@db.example/r", "has a user or a database with @ or /"),
        ("postgresql://hunter@2@db.example/r", "has a user or a database with @ or /"),
        ("postgresql://@db.example/r", "has a user or a database with @ or /"),
        ("postgresql://db.example/r/hunter2", "has a user or a database with @ or /"),
        ("postgresql://db.example:hunter2/r", "has a host or a port that is none"),
        ("postgresql://db.example:123456/r", "has a host or a port that is none"),
        ("postgresql://[::1/r", "has a host or a port that is none"),
        ("postgresql://::1/r", "has a host or a port that is none"),
        ("postgresql://db.example/r%", "a lone %"),
        ("postgresql://db.example/r%zz", "a lone %"),
        ("postgresql://db.example/%00", "a lone %"),
        ("postgresql://db.example/a b", "a space"),
        ("postgresql://db.example/r\n", "a control character"),
        ("postgresql://db.example/\udc80", "a control character"),
        ("postgresql://db.example/r?sslmod=require", "did you mean sslmode"),
        ("postgresql://db.example/r?hunter2", "a parameter in its URL that it can't have"),
        ("postgresql://db.example/r?client_encoding=latin1", "that it can't have"),
        ("postgresql://db.example/r?application_name=x", "that it can't have"),
        ("postgresql://db.example/r?sslmode=on", "unknown sslmode.*verify-full"),
        ("postgresql://db.example/r?sslmode", "unknown sslmode.*verify-full"),
    ],
)
def test_what_is_wrong_is_told(url: str, words: str) -> None:
    """Whatever libpq would misread is refused before it is tried, without being repeated."""
    with pytest.raises(PermanentError, match=words) as caught:
        open_store(url)
    assert "hunter" not in str(caught.value) + caught.value.hint


@given(
    user=st.text("abc", min_size=1),
    secret=st.from_regex(r"[!-~]{8,20}", fullmatch=True),
    form=st.sampled_from(
        [
            "postgresql://{user}:{secret}@db/r",
            "postgresql://db/r?password={secret}",
            "postgres://{user}:{secret}",
            "postgresql://{secret}@db/r?",
            "postgresql://db/{secret}",
            "postgresql://{secret}",
            "postgresql://db/r?{secret}",
            "postgresql://db/r?{secret}=x&sslmode={secret}",
        ]
    ),
)
@settings(deadline=None)
def test_no_defect_repeats_the_url(user: str, secret: str, form: str) -> None:
    """Nothing that stands in a URL comes back in words."""
    defect = server_defect(form.format(user=user, secret=secret))
    match = SequenceMatcher(None, defect, secret, autojunk=False).find_longest_match()
    assert match.size < 8
