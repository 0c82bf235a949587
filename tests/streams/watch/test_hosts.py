"""A host is asked by few at a time, not too often, and left alone when it is in trouble."""

from streams.errors import RepositoryError
from streams.watch.hosts import MAX_PAUSE_SECONDS, Hosts


def test_looks_at_one_host_are_few_and_apart() -> None:
    """Two at once, their starts a second apart; other hosts and this machine do not wait."""
    hosts = Hosts(at_once=2, distance_seconds=1.0)

    assert [hosts.take("a", now) for now in (0.0, 0.5, 1.0, 5.0)] == [True, False, True, False]
    assert hosts.take("b", 0.5)
    assert all(hosts.take("", 0.5) for _ in range(10))
    hosts.give_back("a", 6.0, None)
    assert hosts.take("a", 6.0)


def test_a_host_in_trouble_is_left_alone_by_all_its_sources() -> None:
    """Longer each time, not for ever; an answer ends it."""
    hosts = Hosts(at_once=2, distance_seconds=0.0)
    pauses, now = [], 0.0
    for _ in range(12):
        assert hosts.take("a", now)
        hosts.give_back("a", now, RepositoryError("away", host_fault=True))
        start = now
        while not hosts.take("a", now):
            now += 1.0
        hosts.give_back("a", now, RepositoryError("away", host_fault=True))
        pauses.append(now - start)
        now += MAX_PAUSE_SECONDS * 1.3
    assert pauses[0] <= 14
    assert max(pauses) <= MAX_PAUSE_SECONDS + 1
    assert hosts.take("a", now)
    hosts.give_back("a", now, None)
    assert hosts.take("a", now)


def test_a_fault_of_one_repository_is_not_its_hosts() -> None:
    """One that is not found keeps no other waiting."""
    hosts = Hosts(at_once=1, distance_seconds=0.0)
    hosts.take("a", 0.0)
    hosts.give_back("a", 0.0, RepositoryError("not found"))

    assert hosts.take("a", 0.0)


def test_a_server_may_say_how_long() -> None:
    """Retry-After holds where it is longer than our own pause; a person who asks for a look ends it."""
    hosts = Hosts(at_once=1, distance_seconds=0.0)
    hosts.take("a", 0.0)
    hosts.give_back("a", 0.0, RepositoryError("busy", host_fault=True, retry_seconds=100.0))

    assert not hosts.take("a", 99.0)
    hosts.hurry("a")
    assert hosts.take("a", 99.0)
