"""The same work for many, a few at a time."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(
    work: Callable[[_Item], _Result], items: Iterable[_Item], most: int
) -> dict[_Item, _Result]:
    """Return the results by item, in the order of the items; at most `most` are worked on at once.

    The threads never keep the process from ending. Raises what `work` raises, once
    all is done.
    """
    ordered = tuple(items)
    waiting, results = deque(ordered), dict[_Item, _Result]()
    errors: list[Exception] = []

    def labour() -> None:
        with suppress(IndexError):
            while True:
                item = waiting.popleft()
                try:
                    results[item] = work(item)
                except Exception as error:  # noqa: BLE001 - raised below, in the caller's thread
                    errors.append(error)

    helpers = [threading.Thread(target=labour, daemon=True) for _ in ordered[1:most]]
    started = []
    # A host without a free thread is no reason to do nothing.
    with suppress(RuntimeError):
        for helper in helpers:
            helper.start()
            started.append(helper)
    labour()
    for helper in started:
        helper.join()
    if errors:
        raise errors[0]
    return {item: results[item] for item in ordered}
