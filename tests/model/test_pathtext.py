"""Which texts are no paths: keys in every form in which people paste them, and nothing else."""

import base64
import json
import textwrap

import pytest

from refresher.model.pathtext import defect

PEM = f"-----BEGIN PRIVATE KEY-----\n{'MIIcanary' * 180}\n-----END PRIVATE KEY-----\n"
KEY = {"type": "service_account", "private_key": PEM, "client_email": "a@b.example"}
RAW = json.dumps(KEY)
SMALL = json.dumps({"type": "authorized_user", "refresh_token": "canary"})


def _packed(text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    return base64.b64encode(raw).decode()


CONTENTS = {
    "JSON": RAW,
    "indented JSON": json.dumps(KEY, indent=2),
    "quoted JSON": f"'{RAW}'",
    "JSON after a name": f"GCR_KEY={SMALL}",
    "JSON below a directory": f"/etc/refresher/{SMALL}",
    "base64": _packed(RAW),
    "base64 of a small file": _packed(SMALL),
    "base64 below a directory": f"/etc/refresher/{_packed(SMALL)}",
    "base64 after a name": f"GCR_KEY={_packed(SMALL)}",
    "quoted base64": f'"{_packed(SMALL)}"',
    "base64 without its end": _packed(SMALL).rstrip("="),
    "base64 for URLs": base64.urlsafe_b64encode(SMALL.encode()).decode(),
    "base64 in lines": "\n".join(textwrap.wrap(_packed(SMALL), 64)),
    "base64 in words": " ".join(textwrap.wrap(_packed(SMALL), 64)),
    "base64 of indented JSON": _packed(json.dumps(KEY, indent=2)),
    "base64 with Windows lines": _packed('{\r\n  "type": "x"\r\n}'),
    "base64 with a byte order mark": _packed(b"\xef\xbb\xbf" + SMALL.encode()),
    "base64 of UTF-16": _packed(RAW.encode("utf-16")),
    "base64 twice": _packed(_packed(RAW)),
    "base64 of PEM": _packed(PEM),
    "a token in three parts": f"{_packed(json.dumps({'alg': 'RS256'}))}.canary.canary",
    "PEM": PEM,
    "PEM in one line": PEM.replace("\n", ""),
    "PEM without its end": PEM[:40],
    "hex": RAW.encode().hex(),
    "a long name": "canary" * 50,
    "a long name of few characters": "\N{SNOWMAN}" * 86,
    "a long path": "/canary" * 150,
}


@pytest.mark.parametrize("text", CONTENTS.values(), ids=CONTENTS)
def test_a_content_is_known(text: str) -> None:
    """Whatever looks like a key is no path, and nothing of it is repeated."""
    assert defect(text) == "holds the content itself, not the path of a file"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        *[pytest.param(text, "is empty", id=f"blank {text!r}") for text in ("", " ", "\n")],
        *[
            pytest.param(text, "line break or another control character", id=f"control {text!r}")
            for text in ("a\0b", "canary\ncanary", "/run/secrets/hub\n", "a\tb", "a\x7f", "a\r")
        ],
    ],
)
def test_what_no_path_holds_is_told(text: str, what: str) -> None:
    """Nothing, and line breaks, are told apart from a content."""
    assert what in defect(text)
    assert "canary" not in defect(text)


@pytest.mark.parametrize(
    "text",
    [
        *(".", "/", "hub", "/run/secrets/gcr.json", "../a b/c", "~/.docker/config.json"),
        *("eyes/keys", "eye.json", "keys/ey", "eyjafjallajokull", "/ewo/key", "LS0t", "=", "a=b"),
        *("${HOME}/key.json", "grüße/\N{SNOWMAN}", "a\udcff", "x" * 255, "/x" * 512),
        *("C:\\keys\\a.json", "/var/lib/kubelet/pods/0f9c/volumes/kubernetes.io~secret/..data/k"),
    ],
)
def test_a_path_is_taken(text: str) -> None:
    """Names that only begin like a content, long ones and odd ones are paths."""
    assert defect(text) == ""
