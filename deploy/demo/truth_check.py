"""The ledger's links and conflicts against what the generated vendor knows to be true."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mapper.model import LIVE_STATES, FileRelevance
from mapper.scoring import Ratio, SymbolScore, score

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from deploy.demo.vendor import Vendor
    from streams.ledger.links import RelevanceRow
    from streams.ledger.sheets import SheetRow
    from streams.ledger.sources import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthCheck:
    """How many true things were found, and how many of the found things that truth speaks about are true."""

    links: SymbolScore
    """All kinds together, a symbol's best link judged by its page."""
    files: Ratio
    """Datasheets whose best file of a repository is one that truth names."""
    conflicts_planted: int
    conflicts_found: int
    conflicts_false: int
    """Open conflicts that were not planted, vendored copies of planted ones left out."""

    def in_words(self) -> str:
        """Return the check as one sentence."""
        found, right, nil = self.links.any_recall, self.links.precision, self.links.nil
        return (
            f"{found.hits} of {found.total} specified symbols have a link to the right page, "
            f"{right.hits} of {right.total} best links are right, "
            f"{nil.hits} of {nil.total} symbols that nothing specifies were left alone, "
            f"{self.conflicts_found} of {self.conflicts_planted} planted disagreements are reported, "
            f"with {self.conflicts_false} others."
        )


def check_truth(conn: "Connection", vendor: "Vendor") -> TruthCheck:
    """Return how the ledger's live links and open conflicts compare with the vendor's truth about its newest state."""
    from mapper.linking.format import file_line, link_line
    from streams.ledger.conflicts import open_conflicts
    from streams.ledger.links import load_links, load_relevance
    from streams.ledger.sheets import list_sheets
    from streams.ledger.sources import list_repositories

    found: list[dict[str, object]] = []
    gold: list[dict[str, object]] = []
    sheets = {sheet.family: sheet for sheet in list_sheets(conn)}
    planted, copied, reported = set[tuple[str, str, str]](), set[tuple[str, str, str]](), set[tuple[str, str, str]]()
    for repository in list_repositories(conn):
        name = _name(repository)
        relevance = [_relevance(row, sheets[row.sheet_family]) for row in load_relevance(conn, repository.repo_id)]
        links = [stored.link for stored in load_links(conn, repo_id=repository.repo_id, states=LIVE_STATES)]
        found += [_apart(name, file_line(row)) for row in relevance] + [_apart(name, link_line(link)) for link in links]
        gold += [
            _apart(name, line | {"file": f"{str(line['part']).lower()}.pdf"}) for line in vendor.truth.gold_lines(name)
        ]
        planted |= {(name, conflict.kind, conflict.symbol) for conflict in vendor.truth.conflicts_at(name)}
        copied |= {(name, conflict.kind, conflict.symbol) for conflict in vendor.truth.conflicts_at(name, copies=True)}
        conflicts = open_conflicts(conn, repo_id=repository.repo_id)
        reported |= {(name, conflict.kind, _plain(conflict.name)) for conflict in conflicts}
    report = score(found, gold)
    return TruthCheck(
        links=next(entry for entry in report.read if entry.kind == "all"),
        files=report.hit_at_1,
        conflicts_planted=len(planted),
        conflicts_found=len(planted & reported),
        conflicts_false=len(reported - planted - copied),
    )


def _name(repository: "Repository") -> str:
    return repository.url.rstrip("/").removesuffix(".git").rpartition("/")[2]


def _plain(qualified_name: str) -> str:
    """Return a symbol's name without the struct or enum that holds it, as the truth has it."""
    return qualified_name.rpartition(".")[2]


def _relevance(row: "RelevanceRow", sheet: "SheetRow") -> FileRelevance:
    return FileRelevance(
        sheet_sha256=sheet.sha256,
        sheet_file=sheet.file,
        sheet_family=row.sheet_family,
        part=next(iter(sheet.parts), ""),
        path=row.path,
        rank=row.rank,
        score=row.score,
        accepted=row.accepted,
    )


def _apart(repository: str, line: dict[str, object]) -> dict[str, object]:
    """Return a line whose paths and datasheet belong to one repository, so that several are scored in one go."""
    line = dict(line)
    sheet = line.get("datasheet")
    if isinstance(sheet, dict):
        line["datasheet"] = sheet | {"file": f"{repository}/{sheet['file']}"}
    else:
        line["file"] = f"{repository}/{line['file']}"
    return line
