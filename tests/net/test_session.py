"""A session that has no will of its own."""

from pathlib import Path

import pytest

from refresher.net.session import Session
from tests.doubles.scripted import Asked, Reply, Scripted, reply


def test_it_keeps_nothing_and_follows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cookies, no password of ~/.netrc, no look at where a redirect leads."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login bob password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    def script(asked: Asked) -> Reply:
        return reply(302, Set_Cookie="a=b", Location=f"{asked.path}x")

    with Scripted({"/": script}) as server, Session() as session:
        for _ in range(2):
            answer = session.get(f"{server.url}/", allow_redirects=False, timeout=5)
            assert answer.status_code == 302
    assert [asked.path for asked in server.seen] == ["/", "/"]
    assert all(asked.authorization is None for asked in server.seen)
    assert all("cookie" not in asked.headers for asked in server.seen)


def test_an_endless_redirect_is_not_read() -> None:
    """To look ahead, requests would read all of it."""
    endless = Reply(302, (("Location", "/x"),), b"x" * 1000, endless=True)
    with Scripted({"/": endless}) as server, Session() as session:
        answer = session.get(f"{server.url}/", allow_redirects=False, stream=True, timeout=5)
        assert answer.status_code == 302
        answer.close()
