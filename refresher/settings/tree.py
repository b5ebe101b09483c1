"""Settings as they were written: a tree of text in which every value knows its line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_LONGEST_KEY: Final = 40
# Where a space is missing, a value stands in the key: `password:hunter2`.
_PLAIN: Final = re.compile(r"<<|[A-Za-z0-9._-]*")

FieldPath = tuple[str | int, ...]
"""Where a value stands: keys, and positions in lists."""


@dataclass(frozen=True, slots=True)
class Node:
    """A text, nothing (None), a list or a mapping, and the line it stands on (from 1).

    Nothing but text: whoever reads the settings decides what is a number. The
    value is in no repr, for it may be a password. A node that stands in several
    places (a YAML alias) is one object; `size` and `height` count it as often
    as it stands there.
    """

    value: "str | Sequence[Node] | Mapping[str, Node] | None" = field(repr=False)
    line: int | None = None
    size: int = field(init=False)
    height: int = field(init=False)

    def __post_init__(self) -> None:
        """Measure the tree below."""
        children = self._children()
        object.__setattr__(self, "size", 1 + sum(child.size for child in children))
        object.__setattr__(self, "height", 1 + max((c.height for c in children), default=0))

    def items(self) -> "Mapping[str, Node]":
        """Return the values of a mapping by key; of anything else, none."""
        return self.value if isinstance(self.value, Mapping) else {}

    def elements(self) -> "Sequence[Node]":
        """Return the values of a list; of anything else, none."""
        if isinstance(self.value, Sequence) and not isinstance(self.value, str):
            return self.value
        return ()

    def is_mapping(self) -> bool:
        """Tell whether it is a mapping, or nothing, which stands for an empty one."""
        return self.value is None or isinstance(self.value, Mapping)

    def is_list(self) -> bool:
        """Tell whether it is a list, or nothing, which stands for an empty one."""
        return not isinstance(self.value, str | Mapping)

    def plain(self) -> object:
        """Return the tree as dicts, lists, texts and None."""
        if isinstance(self.value, Mapping):
            return {key: child.plain() for key, child in self.value.items()}
        if self.value is None or isinstance(self.value, str):
            return self.value
        return [child.plain() for child in self.value]

    def texts(self) -> Iterator[str]:
        """Yield every text in the tree, keys left out."""
        if isinstance(self.value, str):
            yield self.value
        for child in self._children():
            yield from child.texts()

    def follow(self, path: FieldPath) -> "tuple[FieldPath, Node]":
        """Return the part of `path` that leads somewhere, and the node where it ends.

        A step that leads nowhere is left out, and the next one is tried from the same node.
        """
        node, taken = self, []
        for step in path:
            child = node._child(step)
            if child is not None:
                node = child
                taken.append(step)
        return tuple(taken), node

    def _child(self, step: str | int) -> "Node | None":
        if isinstance(step, str):
            return self.items().get(step)
        elements = self.elements()
        return elements[step] if step < len(elements) else None

    def _children(self) -> "Sequence[Node]":
        return tuple(self.items().values()) or self.elements()


def tree(plain: object) -> Node:
    """Return the tree of dicts, lists, texts and None, with no lines."""
    if isinstance(plain, Mapping):
        return Node({key: tree(value) for key, value in plain.items()})
    if isinstance(plain, list | tuple):
        return Node([tree(value) for value in plain])
    return Node(None if plain is None else str(plain))


def field_name(path: FieldPath) -> str:
    """Return a path as people write it, each key as far as it looks like a name.

    >>> field_name(("providers", "prod", "registries", 0))
    'providers.prod.registries[0]'
    """
    steps = (f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def shown(key: str) -> str:
    """Return the part of a key that may be seen: the beginning, up to what no name holds."""
    name = name_in(key)[:_LONGEST_KEY]
    return key if name == key else f"{name}..."


def name_in(key: str) -> str:
    """Return the beginning of a key, up to the first character that no name holds."""
    match = _PLAIN.match(key)
    return match.group() if match else ""
