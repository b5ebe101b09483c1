"""What every registry page must do with environments."""

from datetime import UTC, datetime, timedelta

import pytest

from refresher.errors import PermanentError
from refresher.model.registered import RowState
from refresher.model.resolving import Reason, Unresolved
from tests.store.contracts.page import PageContract, page_of
from tests.store.contracts.samples import REGISTRY, named


class EnvironmentsContract(PageContract):
    """The environments of the registry page."""

    def test_default_is_always_there(self) -> None:
        """A new store has one environment, which is empty."""
        page = page_of(self.make_backend())
        (only,) = page.environments()
        assert (only.name, only.registries) == ("default", 0)
        assert page.registries("default") == []

    def test_environments_are_listed_by_name(self) -> None:
        """Those of people and those of sinks, each with the number of its registries."""
        backend = self.make_backend()
        page = page_of(backend)
        added = page.add_environment("\N{SNOWMAN} prod")
        backend.store.put("Zone", {"one.example": named("one"), "two.example": named("two")})
        page.set_registry("Zone", "one.example", RowState.INACTIVE)
        page.set_registry("Zone", "two.example", RowState.INACTIVE)
        page.set_registry("Zone", "two.example", RowState.REMOVED)
        found = page.environments()
        assert [(each.name, each.registries) for each in found] == [
            ("Zone", 1),
            ("default", 0),
            ("\N{SNOWMAN} prod", 0),
        ]
        assert found[-1] == added
        assert abs(datetime.now(UTC) - added.created) < timedelta(minutes=1)

    @pytest.mark.parametrize("name", ["default", "prod"])
    def test_a_name_is_taken_once(self, name: str) -> None:
        """To add what is there is an error, and changes nothing; another case is another name."""
        page = page_of(self.make_backend())
        if name != "default":
            page.add_environment(name)
        before = page.environments()
        with pytest.raises(PermanentError, match=f"there is an environment '{name}' already"):
            page.add_environment(name)
        assert page.environments() == before
        page.add_environment(name.upper())

    @pytest.mark.parametrize(
        "name", ["", " ", " prod", "prod\n", "a\0b", "a\x1b[2J", "x" * 256, "\udc80"]
    )
    def test_a_name_that_can_not_be_shown_is_refused(self, name: str) -> None:
        """Nothing, blanks at an end, control characters, too much, and what is no text."""
        page = page_of(self.make_backend())
        with pytest.raises(PermanentError):
            page.add_environment(name)
        assert len(page.environments()) == 1

    def test_an_unknown_environment_is_told(self) -> None:
        """Whatever is asked of it, the error names the nearest one that there is."""
        page = page_of(self.make_backend())
        page.add_environment("production")
        calls = (
            lambda: page.registries("Producton"),
            lambda: page.registry("Producton", REGISTRY),
            lambda: page.set_registry("Producton", REGISTRY, RowState.ACTIVE),
            lambda: page.add_credential("Producton", REGISTRY, named("secret")),
            lambda: page.edit_credential("Producton", REGISTRY, 1, email="a@b.example"),
            lambda: page.set_credential("Producton", REGISTRY, 1, RowState.ACTIVE),
            lambda: page.remove_environment("Producton"),
        )
        for call in calls:
            with pytest.raises(PermanentError, match=r"'Producton'; did you mean production\?"):
                call()
        found = page.resolve("ubuntu", "Producton", datetime.now(UTC))
        assert isinstance(found, Unresolved)
        assert found.reason is Reason.NO_ENVIRONMENT
        assert "'Producton'; did you mean production?" in found.sentence
        assert len(page.environments()) == 2

    def test_an_environment_is_added_with_its_first_registry(self) -> None:
        """By people as by sinks, whole or not at all; a name that none can have is refused."""
        backend = self.make_backend()
        page = page_of(backend)
        added = page.add_registry("prod", REGISTRY, named("secret"))
        assert page.registries("prod") == [added]
        backend.store.put("staging", {REGISTRY: named("secret")})
        for bad in ("", " qa", "a\0b"):
            with pytest.raises(PermanentError):
                page.add_registry(bad, REGISTRY)
            with pytest.raises(PermanentError):
                backend.store.put(bad, {REGISTRY: named("secret")})
        with pytest.raises(PermanentError):
            page.add_registry("qa", REGISTRY, named(""))
        assert [each.name for each in page.environments()] == ["default", "prod", "staging"]

    def test_an_empty_environment_is_removed(self) -> None:
        """What was removed in it is no hindrance and goes too; the name can be taken again."""
        page = page_of(self.make_backend())
        page.add_environment("prod")
        page.add_registry("prod", REGISTRY, named("secret"))
        for state in (RowState.INACTIVE, RowState.REMOVED):
            with pytest.raises(PermanentError, match="environment prod holds 1 registry"):
                page.remove_environment("prod")
            page.set_registry("prod", REGISTRY, state)
        page.remove_environment("prod")
        assert [each.name for each in page.environments()] == ["default"]
        page.add_environment("prod")
        assert page.registries("prod", removed=True) == []

    def test_default_stays(self) -> None:
        """The environment that is used where none is named can't be removed."""
        page = page_of(self.make_backend())
        with pytest.raises(PermanentError, match="environment default can't be removed"):
            page.remove_environment("default")
        assert len(page.environments()) == 1
