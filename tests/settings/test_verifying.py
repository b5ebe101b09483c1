"""`verify` in the settings: words, mappings, defaults, and what is wrong with them."""

from pathlib import Path

import pytest

from refresher.errors import Problem, SettingsError
from refresher.model.image import ImageReference
from refresher.registry.policy import Mode, Policy
from refresher.settings import Settings, parse
from tests.doubles.packages import install

HUB = "{type: static, registries: [docker.io], username: a, password_env: P}"
CORP = "{type: static, registries: [r.example:5000], username: a, password_env: P}"
PAIR = f"providers:\n  hub: {HUB}\n  corp: {CORP}\nsinks: {{s: {{type: store}}}}\n"
"""Four lines."""


def read(text: str) -> Settings:
    """Return the settings in `text`, as from a file in /etc/r."""
    return parse(text, "f.yaml", Path("/etc/r"), {"HOME": "/home/ann"})


def problems(text: str) -> tuple[Problem, ...]:
    """Return everything that is wrong with `text`."""
    with pytest.raises(SettingsError) as caught:
        read(text)
    return caught.value.problems


def images(*names: str) -> tuple[ImageReference, ...]:
    """Return images by name."""
    return tuple(map(ImageReference.parse, names))


# --- what is read ------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "verify: off", "verify: 'off'", 'verify: "off"'])
def test_nothing_is_tried_unless_it_is_asked_for(text: str) -> None:
    """`off` is a word here, whatever YAML makes of it elsewhere, and the default."""
    assert read(PAIR + text).verify == {}


@pytest.mark.parametrize("text", ["login", "'login'", "{mode: login}"])
def test_a_word_is_a_mode(text: str) -> None:
    """The short form and the long one mean the same."""
    login = Policy(Mode.LOGIN)
    assert read(f"{PAIR}verify: {text}").verify == {"hub": login, "corp": login}


def test_a_mapping_says_all() -> None:
    """Images as for docker run, hosts in canonical form, a path from the settings file."""
    made = read(
        PAIR + "verify:\n  mode: pull\n  images: [acme/app:1, 'r.example:5000/team/app']\n"
        "  ca_file: ca.pem\n  insecure: ['HTTP://R.Example:5000/']\n  realms: [10.0.0.7:8443]\n"
    )
    assert made.verify["hub"] == made.verify["corp"]
    assert made.verify["hub"] == Policy(
        Mode.PULL,
        images("acme/app:1", "r.example:5000/team/app"),
        (Path("/etc/r/ca.pem"),),
        ("r.example:5000",),
        ("10.0.0.7:8443",),
    )


def test_a_route_takes_from_the_top_what_it_leaves_out() -> None:
    """Its own mode, its own images if it names some, and the rest of the default."""
    own = "{mode: pull, images: ['r.example:5000/x'], realms: []}"
    made = read(
        PAIR + "routes:\n- {from: [hub], to: [s], verify: pull}\n"
        f"- {{from: [corp], to: [s], verify: {own}}}\n"
        "verify: {mode: off, images: [acme/app], ca_file: /ca.pem, realms: [10.0.0.7]}\n"
    )
    assert made.verify == {
        "hub": Policy(Mode.PULL, images("acme/app"), (Path("/ca.pem"),), (), ("10.0.0.7",)),
        "corp": Policy(Mode.PULL, images("r.example:5000/x"), (Path("/ca.pem"),)),
    }


def test_the_top_is_the_default_of_routes() -> None:
    """A route may switch it off for itself."""
    made = read(
        PAIR + "routes:\n- {from: [hub], to: [s], verify: off}\n- {from: [corp], to: [s]}\n"
        "verify: login\n"
    )
    assert made.verify == {"corp": Policy(Mode.LOGIN)}


def test_a_provider_of_several_routes_is_tried_as_the_strictest_says() -> None:
    """There is one check per provider and registry, whatever it feeds."""
    made = read(
        PAIR.replace("{s: {type: store}}", "{s: {type: store}, t: {type: memory}}")
        + "routes:\n- {from: [hub, corp], to: [s], verify: {mode: login, images: [acme/a]}}\n"
        "- {from: [hub], to: [t], verify: {mode: pull, images: [acme/b], ca_file: /ca.pem}}\n"
    )
    assert made.verify["corp"].mode is Mode.LOGIN
    assert made.verify["hub"] == Policy(Mode.PULL, images("acme/a", "acme/b"), (Path("/ca.pem"),))


def test_a_registry_that_the_settings_do_not_know_needs_no_image() -> None:
    """An ECR host may be known only when a token has come; the check says it then."""
    made = read(
        "providers: {prod: {type: ecr, region: us-west-2}}\nsinks: {s: {type: store}}\n"
        "verify: pull\n"
    )
    assert made.verify["prod"].mode is Mode.PULL


# --- what is wrong -----------------------------------------------------------------


@pytest.mark.parametrize("word", ["on", "true", "false", "no", "yes", "OFF", "Login", "push", "0"])
def test_other_words_are_named_with_those_that_exist(word: str) -> None:
    """What YAML takes for a truth is no mode."""
    assert problems(f"{PAIR}verify: {word}\n") == (
        Problem("must be off, login or pull", "verify", 5),
    )
    assert problems(f"{PAIR}routes: [{{from: [hub, corp], to: [s], verify: {word}}}]\n") == (
        Problem("must be off, login or pull", "routes[0].verify", 5),
    )


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        pytest.param("", "verify", "has no value", id="nothing"),
        pytest.param("[login]", "verify", "must be a mapping", id="a list"),
        pytest.param("{images: [a/b]}", "verify.mode", "is required", id="no mode"),
        pytest.param("{mode: on}", "verify.mode", "must be off, login or pull", id="a bad mode"),
        pytest.param(
            "{mode: login, image: [a/b]}", "verify.image", "did you mean images?", id="a slip"
        ),
        pytest.param("{mode: login, images: a/b}", "verify.images", "must be a list", id="no list"),
        pytest.param(
            "{mode: login, images: [A/b/C]}",
            "verify.images[0]",
            "is no image reference",
            id="image",
        ),
        pytest.param(
            "{mode: login, images: ['r.example:99999/a']}",
            "verify.images[0]",
            "is no image reference",
            id="port",
        ),
        pytest.param(
            "{mode: login, insecure: [r.example/team]}",
            "verify.insecure[0]",
            "write host or host:port alone",
            id="path",
        ),
        pytest.param(
            "{mode: login, realms: ['https://a.example/token']}",
            "verify.realms[0]",
            "write host or host:port alone",
            id="URL",
        ),
        pytest.param(
            "{mode: login, insecure: ['canary@r.example']}",
            "verify.insecure[0]",
            "is no registry address",
            id="user",
        ),
        pytest.param("{mode: login, ca_file: ''}", "verify.ca_file", "is empty", id="no path"),
    ],
)
def test_every_fault_names_its_field(text: str, field: str, message: str) -> None:
    """What is wrong is told with its place, and never with its value."""
    (problem,) = problems(f"{PAIR}verify: {text}\n")
    assert problem.field == field
    assert problem.line == 5
    assert message in problem.message
    assert "canary" not in problem.message


def test_a_pull_needs_an_image_of_every_registry() -> None:
    """Each registry without one is named, where the images would be, with an example."""
    (problem,) = problems(f"{PAIR}verify: pull\n")
    assert (problem.field, problem.line) == ("verify.images", 5)
    assert "docker.io, r.example:5000" in problem.message
    assert "for example docker.io/team/app:1.0" in problem.message
    (problem,) = problems(f"{PAIR}verify: {{mode: pull,\n  images: [acme/app]}}\n")
    assert (problem.field, problem.line) == ("verify.images", 6)
    assert "there is none at r.example:5000:" in problem.message


def test_the_route_that_lacks_an_image_is_named() -> None:
    """Its own `verify`, or the one at the top if that is what it goes by."""
    routes = "routes:\n- {from: [hub], to: [s], verify: login}\n- {from: [corp], to: [s]}\n"
    (problem,) = problems(f"{PAIR}{routes}verify: pull\n")
    assert (problem.field, problem.line) == ("verify.images", 8)
    assert "docker.io" not in problem.message
    routes = "routes:\n- {from: [hub], to: [s]}\n- {from: [corp], to: [s],\n   verify: pull}\n"
    (problem,) = problems(PAIR + routes)
    assert (problem.field, problem.line) == ("routes[1].verify.images", 8)


def test_an_image_of_another_route_counts_for_a_provider_of_both() -> None:
    """They are merged before they are looked for."""
    made = read(
        PAIR.replace("{s: {type: store}}", "{s: {type: store}, t: {type: memory}}")
        + "routes:\n- {from: [hub, corp], to: [s], verify: {mode: login, images: [acme/a]}}\n"
        "- {from: [hub], to: [t], verify: pull}\n"
    )
    assert made.verify["hub"].images == images("acme/a")


def test_all_is_said_at_once() -> None:
    """A fault in `verify` hides no other, and no missing image hides one either."""
    found = problems(f"{PAIR}verify: {{mode: pull, realms: ['x y']}}\nlog_level: loud\n")
    assert [problem.field for problem in found] == ["verify.realms[0]", "log_level"]
    found = problems(f"{PAIR}verify: pull\nlog_level: loud\n")
    assert [problem.field for problem in found] == ["verify.images", "log_level"]


def test_what_is_no_address_in_another_packages_options_needs_no_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its provider says what its registries are, later."""
    source = (
        "from refresher import options\n"
        "class Options(options.Options):\n    registries: tuple[str, ...] = ()\n"
        "def build(options, tools): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    install(tmp_path, "acme_odd", source, {"refresher.providers": {"odd": "acme_odd"}})
    made = read(
        "providers: {o: {type: odd, registries: ['no address']}}\nsinks: {s: {type: store}}\n"
        "verify: pull\n"
    )
    assert made.verify["o"].mode is Mode.PULL
