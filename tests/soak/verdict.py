"""Compare what a disturbed run left behind with the undisturbed run, and with itself: what is lost, what is doubled.

Lost: an effect or record that the undisturbed run has, or that another part of the same run says must be there.
Doubled: one that should not be there, or is there twice where once is promised. Re-sent: a record under the same id
again, which at-least-once allows: that it had no second effect is what the other comparisons show.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from streams import topics
from tests.soak.evidence import Evidence

EXAMPLES = 3
MADE_IN_ANY_RUN = (topics.COMMITS.name, topics.SHEETS.name)
MADE_STEP_BY_STEP = (*MADE_IN_ANY_RUN, topics.CHANGES.name, topics.LINKED.name, topics.LINKS.name, topics.SAMPLES.name)


@dataclass(slots=True)
class Verdict:
    """Counts, and a line for each kind of finding."""

    lost: int = 0
    doubled: int = 0
    resent: int = 0
    findings: list[str] = field(default_factory=list)

    def same(self, what: str, expected: Collection[Any], got: Collection[Any]) -> None:
        """Count what is missing as lost and what is too much as doubled."""
        missing, extra = Counter(expected) - Counter(got), Counter(got) - Counter(expected)
        self.lost += missing.total()
        self.doubled += extra.total()
        for sign, found in (("-", missing), ("+", extra)):
            if found:
                examples = ", ".join(str(item)[:150] for item in sorted(found, key=str)[:EXAMPLES])
                self.findings.append(f"{what}: {sign}{found.total()}: {examples}")


def compare(undisturbed: Evidence, run: Evidence, *, exact: bool, ignored: Collection[str] = frozenset()) -> Verdict:
    """Return the verdict. `exact`: of two runs step by step the whole history is the same, not only what is true last.

    `ignored`: ids of records that only the disturbed run was given.
    """
    verdict = Verdict()
    verdict.same("dump", undisturbed.dump, run.dump)
    for topic in MADE_STEP_BY_STEP if exact else MADE_IN_ANY_RUN:
        verdict.same(f"topic {topic}", set(undisturbed.records[topic]), set(run.records[topic]) - set(ignored))
    if exact:
        verdict.same("history", list(undisturbed.history.elements()), list(run.history.elements()))
        verdict.same("sample states", _live(undisturbed.sample_states), _live(run.sample_states))
    check(run, verdict)
    return verdict


def check(run: Evidence, verdict: Verdict) -> None:
    """Count what does not agree within one run."""
    for place, (applied, there) in sorted(run.applied.items()):
        verdict.lost += max(0, there - applied)
        verdict.doubled += max(0, applied - there)
        if applied != there:
            verdict.findings.append(f"{place[0]}/{place[1]}: {applied} records applied of {there}")
    told = {"/".join(row) for row in run.history}
    verdict.same("links told", told, set(run.records[topics.LINKS.name]))
    verdict.same("last state of links told", run.link_states.items(), run.last[topics.LINKS.name].items())
    verdict.same("history rows", list(run.history), list(run.history.elements()))
    verdict.same("last state of samples told", _told(run.sample_states), run.last[topics.SAMPLES.name].items())
    verdict.same("sealed samples in shards", list(run.planned.elements()), list(run.in_shards.elements()))
    verdict.same("samples planned once", list(run.planned), list(run.planned.elements()))
    verdict.lost += len(run.sealed - run.in_shards.keys()) + len(run.shard_faults)
    verdict.findings += run.shard_faults
    verdict.same("shards told", range(run.num_shards), range(len(run.records[topics.SHARDS.name])))
    letters = Counter(f"{named.get('agent')}/{named.get('reason')}" for named in run.letter_headers)
    told_letters = len(run.records[topics.DEAD_LETTERS.name])
    verdict.same("dead letters told", range(run.letters.total()), range(told_letters))
    if set(letters) != {"/".join(letter) for letter in run.letters}:
        verdict.lost += 1
        verdict.findings.append(f"dead letters: the ledger says {run.letters}, the topic {letters}")
    verdict.resent = sum(counted.total() - len(counted) for counted in run.records.values())


def _live(states: Mapping[str, str]) -> Counter[str]:
    return Counter(sample for sample, state in states.items() if state != "retracted")


def _told(states: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what the topic should say of samples: it knows pending and retracted, not in which shard one lies."""
    return [(sample, "retracted" if state == "retracted" else "pending") for sample, state in states.items()]
