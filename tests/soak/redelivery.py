"""Records that come again, and in another order between keys: they have no second effect.

And what an operator sends again with `sheetstream replay`: into the same ids, so nothing changes.
"""

from collections.abc import Sequence
from itertools import groupby

from streams import topics
from streams.ledger import sources
from streams.ledger.engine import reading
from streams.ledger.outbox import Outgoing
from streams.replay import read_since
from tests.soak.bench import Bench
from tests.soak.evidence import collect
from tests.soak.scenario import Row, scenario
from tests.soak.system import System
from tests.soak.verdict import Verdict


@scenario("duplicates", "inputs come twice, old ones come again, keys in another order")
def duplicates(bench: Bench) -> Row:
    """Send each step twice, with all that was told before in between."""
    with bench.system("stepped") as system:
        system.keep("sealer")
        system.keep("worker")
        told: list[Outgoing] = []
        for step in system.steps:
            told += step
            system.send(shuffled(system, step))
            system.settle()
            system.send(shuffled(system, told))
            system.settle()
        return bench.judge(system)


@scenario("internal duplicates", "what agents told each other comes again, keys in another order")
def internal(bench: Bench) -> Row:
    """Send the changes and the linked paths of the whole run again: links and samples stay as they are."""
    with bench.system("stepped") as system:
        system.keep("sealer")
        system.keep("worker")
        for step in system.steps:
            system.tell(step)
            system.settle()
        before = collect(system.settings, system.engine)
        for topic in (topics.CHANGES, topics.LINKED):
            system.send(shuffled(system, [record.outgoing() for record in read_since(system.settings, topic)]))
            system.settle()
        after = collect(system.settings, system.engine)
        verdict = Verdict()
        verdict.same("history", list(before.history.elements()), list(after.history.elements()))
        verdict.same("links told", before.records[topics.LINKS.name], after.records[topics.LINKS.name])
        verdict.same("samples told", before.records[topics.SAMPLES.name], after.records[topics.SAMPLES.name])
        row = bench.judge(system, exact=False)
        return row.also(not verdict.findings, "; ".join(verdict.findings))


@scenario("replay", "replay --repo, --since and --from-offset into the same ids")
def replay(bench: Bench) -> Row:
    """Let the command send everything again in three ways; the whole history is the same."""
    with bench.system("stepped") as system:
        system.keep("sealer")
        system.keep("worker")
        for step in system.steps:
            system.tell(step)
            system.settle()
        with reading(system.engine) as conn:
            repo_id = sources.list_repositories(conn)[0].repo_id
        system.command("replay", "--repo", repo_id, "--yes")
        system.settle()
        system.command("replay", "--since", "1d", "--yes")
        system.settle()
        places = [f"{topics.COMMITS.name}/{number}/1" for number in range(system.settings.partitions)]
        system.command("replay", *(word for place in places for word in ("--from-offset", place)), "--yes")
        system.settle()
        row = bench.judge(system)
        return row.also(row.resent > 2 * len(system.steps), f"only {row.resent} records came again")


def shuffled(system: System, records: Sequence[Outgoing]) -> tuple[Outgoing, ...]:
    """Return records in another order, those of one key in their own."""
    by_key = [
        list(group) for _, group in groupby(sorted(records, key=lambda r: (r.topic, r.key)), lambda r: (r.topic, r.key))
    ]
    mixed: list[Outgoing] = []
    while any(by_key):
        mixed.append(system.random.choice([group for group in by_key if group]).pop(0))
    return tuple(mixed)
