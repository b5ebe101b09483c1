"""What can be set about the server."""

from dataclasses import dataclass


@dataclass
class Rules:
    """How the server behaves. All may be changed while it serves.

    `history` is how many changes are kept for watches and for pages of older lists. A real server
    keeps them for five minutes (--etcd-compaction-interval). `gone_as_status` answers a watch from
    an older one with the status 410 at once, in the place of 200 and an event ERROR. `bookmarks`
    are the seconds between two of them. `watch_delay` keeps each event of a watch back for so many
    seconds; infinity is a watch that stays open and says nothing. `limit_any` honours `limit` also
    with resourceVersion=0, where the watch cache gives the whole list. `finish` removes a deleted
    namespace with its contents at once; without it, it stays Terminating until `World.finish`.
    `compress` sends answers of 128 KiB and more with gzip to those who accept it, as
    k8s.io/apiserver, pkg/endpoints/handlers/responsewriters/writers.go does.
    """

    history: int = 20_000
    gone_as_status: bool = False
    bookmarks: float = 60.0
    watch_delay: float = 0.0
    limit_any: bool = False
    finish: bool = True
    compress: bool = True
