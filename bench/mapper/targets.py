"""The targets of the mapper, each beside what was measured: computed from the same figures as the tables."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.mapper.commits import CommitCosts
from bench.mapper.kernel_run import TreeRun
from bench.mapper.measure import OURS, Measured
from bench.mapper.report import add, share
from bench.mapper.sets import KERNEL, group_of, in_groups
from bench.mapper.tokens import TokenCost, percent, saved, total
from mapper.figures import Ratio
from mapper.scoring import ScoreReport, SymbolScore, f1

OWN_GROUPS = frozenset({"tuned on", "not tuned on", "kernel"})
HIT, HIT_HIDDEN, HIT_KERNEL_HIDDEN, SET_F1, ABSENT, PAGES = 0.97, 0.80, 0.60, 0.93, 0.95, 0.90
REGISTERS, MEMBERS, READ_F1, KIND_F1, PRECISION = 0.95, 0.80, 0.85, 0.75, 0.95
FALSE_CONFLICTS = 1 / 20
BELOW_ONCE, BELOW_ALL, BELOW_DIRECT = 0.95, 0.98, 0.95
COLD_SECONDS, WARM_SECONDS, PEAK_MIB = 300, 5, 1.5 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """One target. is_met None: not measured in this run."""

    text: str
    measured: str
    is_met: bool | None


def targets(
    measured: Sequence[Measured], costs: Sequence[TokenCost], runs: Sequence[TreeRun], commits: CommitCosts | None
) -> list[Target]:
    """Return all targets in the order of the tables."""
    return [*_file_targets(measured), *_symbol_targets(measured), *_cost_targets(costs), *_run_targets(runs, commits)]


def _file_targets(measured: Sequence[Measured]) -> Iterator[Target]:
    ours = [m for m in measured if m.method == OURS]
    plain, hidden = [m for m in ours if not m.hidden], [m for m in ours if m.hidden]
    fresh = [m.report for m in plain if group_of(m.name) in {"not tuned on", "kernel"}]
    collections = dict(in_groups({m.name for m in hidden})).get("driver collections", lambda _: False)
    own = [m.report for m in plain if group_of(m.name) in OWN_GROUPS]
    yield _at_least("hit@1, plain, trees not tuned on and the kernel", HIT, add(r.hit_at_1 for r in fresh))
    yield _at_least("hit@1, names hidden, driver collections", HIT_HIDDEN, _hits(hidden, collections))
    yield _at_least("hit@1, names hidden, kernel", HIT_KERNEL_HIDDEN, _hits(hidden, KERNEL.__eq__))
    yield _f1_target(
        "file set F1, plain, trees not tuned on and the kernel",
        SET_F1,
        add(r.set_precision for r in fresh),
        add(r.set_recall for r in fresh),
    )
    yield _at_least("absent parts answered with silence", ABSENT, add(r.absent for r in own))
    yield _at_least("page -> file, given the datasheet's files", PAGES, add(r.pages.hit_at_1 for r in own))


def _symbol_targets(measured: Sequence[Measured]) -> Iterator[Target]:
    reports = [m.report for m in measured if m.method == OURS and not m.hidden and group_of(m.name) in OWN_GROUPS]
    labelled = [entry for report in reports for entry in report.labelled if entry.kind == "register"]
    yield _kind_target("register symbols, F1, labels made mechanically", REGISTERS, labelled)
    read = [entry for report in reports for entry in report.read]
    kinds = sorted({entry.kind for entry in read} - {"all"})
    yield _kind_target("struct members, F1, labels made by reading", MEMBERS, _of(read, "struct_member"))
    yield _kind_target("all kinds with NIL, F1, labels made by reading", READ_F1, _of(read, "all"))
    for kind in kinds:
        yield _kind_target(f"  {kind}, F1", KIND_F1, _of(read, kind))
    precision = add(entry.precision for entry in _of(read, "all"))
    yield _at_least("precision at the threshold accept, labels made by reading", PRECISION, precision)
    yield _conflict_target(reports)


def _cost_targets(costs: Sequence[TokenCost]) -> Iterator[Target]:
    own = [cost for cost in costs if group_of(cost.name) in OWN_GROUPS]
    ways: tuple[tuple[str, float, Callable[[TokenCost], tuple[float, float]]], ...] = (
        ("tokens below each file once", BELOW_ONCE, lambda c: (total(c.undecided), c.each_file_once)),
        ("tokens below --llm-all", BELOW_ALL, lambda c: (total(c.undecided), total(c.everything))),
        ("wall time below direct's, computed", BELOW_DIRECT, lambda c: (c.seconds, c.direct.seconds)),
    )
    for text, least, parts in ways:
        pairs = {cost.name: parts(cost) for cost in own}
        part, whole = (sum(side) for side in zip(*pairs.values(), strict=True)) if pairs else (0.0, 0.0)
        value = saved(part, whole)
        short = [name for name, pair in pairs.items() if (kept := saved(*pair)) is not None and kept < least]
        but = f"; below it alone: {', '.join(short)}" if short else ""
        yield Target(f"{text} >= {least:.0%}", percent(value) + but, None if value is None else value >= least)


def _run_targets(runs: Sequence[TreeRun], commits: CommitCosts | None) -> Iterator[Target]:
    plain = [run for run in runs if not run.hidden]
    cold, warm = [run.cold.seconds for run in plain], [run.changed.seconds for run in plain]
    peak = [max(s.peak_mib for s in (run.cold, run.unchanged, run.changed, run.changed_back)) for run in plain]
    yield _below("kernel, cold: wall seconds", COLD_SECONDS, cold, [f"{r.cold.cpu_seconds:.0f} s CPU" for r in plain])
    yield _below(
        "kernel, one driver changed: wall seconds",
        WARM_SECONDS,
        warm,
        [f"{r.changed.cpu_seconds:.1f} s CPU" for r in plain],
    )
    yield _below("kernel, memory: MiB", PEAK_MIB, peak, [])
    equal = [run.is_equal for run in runs]
    yield Target("kernel, incremental output equals a full run", _told(equal), all(equal) if equal else None)
    checks = [is_equal for is_equal, _ in commits.checks] if commits else []
    yield Target("commits, mapping equals a full one", _told(checks), all(checks) if checks else None)


def target_lines(found: Iterable[Target]) -> Iterator[str]:
    """Yield the targets as lines."""
    yield "== targets"
    for target in found:
        yield f"  {target.text:62} {verdict(target):12} {target.measured}"


def targets_json(found: Iterable[Target]) -> list[dict[str, object]]:
    """Return the targets for the JSON of all figures."""
    return [{"target": t.text.strip(), "measured": t.measured, "met": t.is_met} for t in found]


def verdict(target: Target) -> str:
    """Return met, missed or not measured."""
    return {True: "met", False: "missed", None: "not measured"}[target.is_met]


def _hits(measured: Iterable[Measured], belongs: Callable[[str], bool]) -> Ratio:
    return add(m.report.hit_at_1 for m in measured if belongs(m.name))


def _of(entries: Iterable[SymbolScore], kind: str) -> list[SymbolScore]:
    return [entry for entry in entries if entry.kind == kind]


def _at_least(text: str, least: float, ratio: Ratio) -> Target:
    return Target(f"{text} >= {least}", share(ratio), None if ratio.value is None else ratio.value >= least)


def _kind_target(text: str, least: float, entries: Sequence[SymbolScore]) -> Target:
    return _f1_target(text, least, add(e.precision for e in entries), add(e.recall for e in entries))


def _f1_target(text: str, least: float, precision: Ratio, recall: Ratio) -> Target:
    value = f1(precision.value, recall.value)
    told = "-" if value is None else f"{value:.3f} (P {share(precision)}, R {share(recall)})"
    return Target(f"{text} >= {least}", told, None if value is None else value >= least)


def _conflict_target(reports: Sequence[ScoreReport]) -> Target:
    """Return the target of false conflicts, among those that a reader can speak of."""
    refuted, confirmed = sum(r.conflicts.refuted for r in reports), sum(r.conflicts.confirmed for r in reports)
    judged = refuted + confirmed
    marks = add(r.conflicts.reported for r in reports)
    told = (
        f"{refuted} of {judged} that readers speak of, {sum(r.conflicts.unjudged for r in reports)} not judged; "
        f"marks of any kind reported {share(marks)}"
    )
    return Target("false conflicts <= 1 in 20", told, refuted <= FALSE_CONFLICTS * judged if judged else None)


def _below(text: str, most: float, values: Sequence[float], more: Sequence[str]) -> Target:
    if not values:
        return Target(f"{text} < {most:g}", "-", None)
    told = ", ".join([f"{max(values):.1f}", *more])
    return Target(f"{text} < {most:g}", told, max(values) < most)


def _told(equal: Sequence[bool]) -> str:
    return f"{sum(equal)} of {len(equal)}" if equal else "-"
