"""How often one host may be asked, whatever number of sources lies on it.

At most so many looks at once, their starts apart by a distance; and when a host answers that it is overloaded or does
not answer at all, none of its sources is looked at for a while, longer each time.
"""

import random
from dataclasses import dataclass

from streams.errors import HostError

FIRST_PAUSE_SECONDS = 10.0
MAX_PAUSE_SECONDS = 900.0
MAX_ASKED_SECONDS = 3600.0
"""A server may ask to be left alone for so long at most."""
MAX_DOUBLINGS = 10


@dataclass(slots=True)
class _Host:
    running: int = 0
    free_at: float = 0.0
    paused_until: float = 0.0
    failures: int = 0


class Hosts:
    """Who may be looked at now. Times are of one monotonic clock; the caller takes care of threads."""

    def __init__(self, *, at_once: int, distance_seconds: float) -> None:
        self._at_once = at_once
        self._distance = distance_seconds
        self._hosts: dict[str, _Host] = {}

    def take(self, name: str, now: float) -> bool:
        """Return whether a look at this host may start now, and count it as started; "" is this machine."""
        if not name:
            return True
        host = self._hosts.setdefault(name, _Host())
        if host.running >= self._at_once or now < max(host.free_at, host.paused_until):
            return False
        host.running += 1
        host.free_at = now + self._distance
        return True

    def give_back(self, name: str, now: float, fault: HostError | None) -> None:
        """Note that a look ended; fault: with which error of the host's own, None for an answer of whatever kind."""
        if not name:
            return
        host = self._hosts[name]
        host.running -= 1
        if fault is None or not fault.host_fault:
            host.failures = 0
            return
        pause = FIRST_PAUSE_SECONDS * 2 ** min(host.failures, MAX_DOUBLINGS) * random.uniform(0.75, 1.25)
        host.failures += 1
        host.paused_until = now + max(min(pause, MAX_PAUSE_SECONDS), min(fault.retry_seconds or 0.0, MAX_ASKED_SECONDS))

    def hurry(self, name: str) -> None:
        """Ask the host again without waiting for the end of its pause: a person wants it now."""
        if name in self._hosts:
            self._hosts[name].paused_until = 0.0
