"""The long-running refresher.

`agenda` and `admission` plan, without threads; `timetable` (APScheduler), `planner`,
`passes` and `reloading` act on it, each so that it can't hold up another; `daemon`
wires them, takes signals and watches.
"""

from refresher.daemon.agenda import Duty
from refresher.daemon.daemon import Daemon

__all__ = ["Daemon", "Duty"]
