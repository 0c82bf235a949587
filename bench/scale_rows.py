"""Rows of a synthetic ledger: a number of links, and everything else in the proportions of a real one.

Repositories are heavy-tailed (the i-th has i ** -0.8 of the first one's links), three of them of one family; each
implements a few datasheets; a file has 20 symbols of one datasheet, a symbol 10 links. Seeded: the same number gives
the same rows. Bodies of links are those of real links in size; of parsed files and samples they are short, as no query
measured here reads many of them.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from mapper.model import Anchor, Datasheet, Evidence, SourceFile, Symbol, TraceLink
from mapper.version import mapping_version, parser_version, reader_version
from streams.ledger.bodies import pack

LINKS_OF_A_SYMBOL = 10
SYMBOLS_OF_A_FILE = 20
REGISTERS_OF_A_SHEET = 400
COMMITS_OF_A_REPOSITORY = 200
SAMPLES_OF_A_SHARD = 256
NOW = 1_750_000_000.0
SHA = "5e" * 32
STATES = ("kept",) * 68 + ("new",) * 16 + ("moved",) * 3 + ("stale",) * 4 + ("broken",) * 3 + ("retired",) * 6
WORDS = ("CTRL", "STATUS", "CFG", "DATA", "FIFO", "INT", "CLK", "ADDR", "MODE", "THR", "OFFSET", "GAIN", "TEMP", "ID")
COMMON = ("init", "probe", "read", "write", "reset", "remove", "suspend", "resume")
Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a ledger is made."""

    links: int
    seed: int = 1

    @property
    def repositories(self) -> int:
        return max(5, min(1000, self.links // 10_000))

    @property
    def sheets(self) -> int:
        return max(5, self.repositories // 2)

    def files(self) -> list[int]:
        """Return the number of files of each repository."""
        weights = [(number + 1) ** -0.8 for number in range(self.repositories)]
        per_file = LINKS_OF_A_SYMBOL * SYMBOLS_OF_A_FILE
        return [max(1, round(self.links * weight / sum(weights) / per_file)) for weight in weights]


def rows(shape: Shape) -> Iterator[tuple[str, Row]]:
    """Yield (table, row) in the order of its columns; rows of one repository follow each other."""
    yield from _sheets(shape)
    counts = Counts()
    for number, files in enumerate(shape.files()):
        yield from _repository(shape, number, files, counts)
    yield from _rest(counts)


@dataclass(slots=True)
class Counts:
    """What is numbered over all repositories."""

    samples: int = 0


def repo_id(number: int) -> str:
    return f"repo1_{number:032x}"


def family(number: int) -> str:
    return f"fam1_{number:032x}"


def part(number: int) -> str:
    return f"SYN{number:04d}"


def template() -> TraceLink:
    """Return a link as long as real ones are."""
    symbol = Symbol(
        path="drivers/part0/registers.h",
        kind="register",
        name="SYN0001_REG_CTRL1",
        line=41,
        end_line=41,
        value=24,
        declaration="#define SYN0001_REG_CTRL1 0x18",
        revision="sr1_" + "0f" * 16,
    )
    anchor = Anchor(
        kind="register",
        title="CTRL1 (18h)",
        path=("Register description", "CTRL1 (18h)"),
        page=16,
        register="CTRL1",
        address=24,
    )
    return TraceLink(
        link_id="ln1_" + "0a" * 16,
        revision="lr1_" + "0b" * 16,
        sheet_sha256=SHA,
        sheet_file="syn0001.pdf",
        sheet_family=family(1),
        part=part(1),
        anchor=anchor,
        anchor_id="an1_" + "0c" * 16,
        symbol=symbol,
        symbol_id="sy1_" + "0d" * 16,
        grade="full",
        score=0.96,
        method="address+name",
        evidence=(
            Evidence(rule="address", detail="SYN0001_REG_CTRL1 = 0x18, printed for CTRL1", weight=1.0, page=16),
            Evidence(rule="name", detail="CTRL1 is the register's name", weight=0.8, page=16),
        ),
    )


def _sheets(shape: Shape) -> Iterator[tuple[str, Row]]:
    empty = Datasheet(
        sha256=SHA,
        file="syn.pdf",
        title="Synthetic",
        parts=(part(0),),
        family=family(0),
        revision="1",
        num_pages=90,
        sections=(),
        registers=(),
    )
    body = pack(empty)
    for number in range(shape.sheets):
        source = f"src1_{number:032x}"
        where = f"/sheets/{number}.pdf"
        yield "sheet_sources", (source, where, [], None, "active", None, None, SHA, NOW, NOW, None)
        for release in range(2):
            digest = f"{number:060x}{release:04x}"
            facts = ("syn.pdf", "Synthetic", f"{release}", [part(number)], 90, 120, REGISTERS_OF_A_SHEET, False, False)
            read = (NOW + release, NOW, 2.0, reader_version())
            yield "datasheets", (digest, source, family(number), *facts, release == 1, *read, body)
        for change in range(100):
            old, new = f"{number:060x}0000", f"{number:060x}0001"
            key = f"sc1_{number:016x}{change:016x}"
            yield "sheet_changes", (key, family(number), old, new, f"register CTRL{change}", "reset", "0", "1")


def _repository(shape: Shape, number: int, files: int, counts: Counts) -> Iterator[tuple[str, Row]]:
    chance = random.Random(f"{shape.seed} {number}")
    bits = chance.getrandbits
    repo = repo_id(number)
    head = f"{bits(160):040x}"
    origin = family(shape.sheets + number // 3)
    versions = (None, parser_version(), mapping_version())
    state = ("active", head, head, NOW, f"snap1_{number:032x}", head, *versions, NOW, NOW, None)
    yield "repositories", (repo, f"https://vendor.example/sdk{number}.git", origin, None, [], [], *state)
    families = chance.sample(range(shape.sheets), min(shape.sheets, chance.randint(1, 12)))
    for commit in range(COMMITS_OF_A_REPOSITORY):
        cost = (3, 3, 12, 0.4)
        key, own, base = f"ce1_{bits(128):032x}", f"{bits(160):040x}" if commit else head, f"{bits(160):040x}"
        yield "commits", (key, repo, own, base, "Change some registers", NOW - commit, NOW - commit, *cost)
        for agent in ("symbols", "links"):
            work = (3, 12, 0, 4, 1, 120, 0, 0, 0.4, 0.5, NOW - commit)
            yield "costs", (f"co1_{bits(128):032x}", agent, repo, "commit", own, *work)
    body = pack(template())
    parsed = pack(SourceFile(path="a.h", blob_id="0", num_bytes=4000, language="c", role="driver", symbols=()))
    for file in range(files):
        sheet = families[file * len(families) // files]
        path = f"drivers/{WORDS[file % 14].lower()}{file // 40}/syn{sheet:04d}_{file}.h"
        yield from _file(chance, repo, path, sheet, head, body)
        blob, before = f"{bits(160):040x}", f"{bits(160):040x}"
        yield "tree_files", (repo, path, blob)
        yield "parsed_files", (blob, path, parser_version(), parsed)
        yield "parsed_files", (before, path, parser_version(), parsed)
        for rank, other in enumerate(families[:3]):
            yield "file_relevance", (repo, family(other), path, rank + 1, 0.8, other == sheet)
        counts.samples += 1
        sealed = "sealed" if counts.samples % 50 else "pending"
        shard = counts.samples // SAMPLES_OF_A_SHARD + 1 if sealed == "sealed" else None
        what = (family(sheet), "register_defs", "MIT", blob, f"{bits(256):064x}", sealed, shard, NOW, parsed)
        yield "samples", (f"sm1_{bits(128):032x}", counts.samples, repo, path, *what)
        reason = ("duplicate", "licence", "too_large")[file % 3]
        drop = ("samples", reason, repo, path, blob, f"{bits(256):064x}", NOW - file)
        yield "drops", (f"dr1_{bits(128):032x}", *drop)


def _file(chance: random.Random, repo: str, path: str, sheet: int, head: str, body: bytes) -> Iterator[tuple[str, Row]]:
    bits, pick = chance.getrandbits, chance.random
    name_of_part, fam = part(sheet), family(sheet)
    digest = f"{sheet:060x}0001"
    for at in range(SYMBOLS_OF_A_FILE):
        first = int(REGISTERS_OF_A_SHEET * pick() ** 2)
        common = pick() < 0.02
        name = COMMON[at % 8] if common else f"{name_of_part}_{WORDS[first % 14]}{first // 14}"
        symbol = f"sy1_{bits(128):032x}"
        line = 10 + 3 * at
        where = (repo, path, "macro", name, None, line, line, str(at))
        yield "symbols", (symbol, *where, f"sr1_{bits(128):032x}", head)
        for _ in range(LINKS_OF_A_SYMBOL):
            register = int(REGISTERS_OF_A_SHEET * pick() ** 2)
            title = f"{WORDS[register % 14]}{register // 14}"
            link, revision = f"ln1_{bits(128):032x}", f"lr1_{bits(128):032x}"
            state = STATES[int(100 * pick())]
            score = 0.4 + round(0.6 * pick(), 4)
            ids = (link, repo, fam, digest, name_of_part, symbol, f"an1_{sheet:016x}{register:016x}", state, revision)
            code = (path, "macro", name, line)
            anchor = ("register", title, title, None, 10 + register // 8, None, body)
            yield "links", (*ids, score, "full", "address+name", *code, *anchor)
            yield "link_history", (f"lh1_{bits(128):032x}", 1, link, "new", revision, "commit", head, "", NOW)
            if pick() < 0.3:
                turn = (2, link, state, revision, "commit", head, "value changed", NOW)
                yield "link_history", (f"lh1_{bits(128):032x}", *turn)
        if pick() < 0.02:
            ends = (repo, fam, name_of_part, "reset", symbol, name, path, line, 12, "CTRL1", None, "0x0", "0x1", "")
            opened = ("open", head, None) if pick() < 0.3 else ("resolved", head, head)
            key = f"cf1_{bits(128):032x}"
            yield "conflicts", (key, *ends, *opened, "commit", NOW)
            yield "conflict_history", (key, 1, "open", "0x0", "0x1", "commit", head, NOW)


def _rest(counts: Counts) -> Iterator[tuple[str, Row]]:
    yield "counters", ("samples.seq", counts.samples)
    for seq in range(1, counts.samples // SAMPLES_OF_A_SHARD + 2):
        ids = [f"sm1_{seq:016x}{number:016x}" for number in range(SAMPLES_OF_A_SHARD)]
        yield "shards", (seq, f"shard-{seq:06d}.tar", "sealed", ids, SHA, 16_000_000, {"general": 256}, NOW, NOW)
    for agent, topic in (("symbols", "repo.commits"), ("links", "mapping.changes"), ("samples", "mapping.linked")):
        for partition in range(64):
            yield "offsets", (agent, topic, partition, "t", 1000, 1000, 0, NOW, NOW)
    for number in range(1000):
        letter = ("symbols", "repo.commits", number % 64, number, "key", "decode", "RecordError", "bad", 1, "dead", NOW)
        yield "dead_letters", (f"dl1_{number:032x}", *letter)
    for number in range(1, 1001):
        yield "outbox", (number, "trace.links", f"ln1_{number:032x}", b"x" * 400, {}, NOW)
