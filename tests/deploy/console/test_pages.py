"""The console over a ledger with content: every link leads somewhere, every page is whole HTML and JSON too."""

from collections import deque
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from deploy.console import pages
from deploy.console.app import create_app
from deploy.local.home import Home
from mapper.datasheet.revision import SheetChange
from mapper.model import Anchor, Conflict, Datasheet, Evidence, Register, Section, Symbol, TraceLink
from streams.config import StreamsSettings
from streams.events import Cause
from streams.ledger import sheets, sources
from streams.ledger.audits import LEDGER, Audit, record_audit
from streams.ledger.conflicts import replace_conflicts
from streams.ledger.engine import open_ledger, writing
from streams.ledger.links import LinkTurn, StoredLink, write_turns
from streams.ledger.migrate import upgrade
from streams.ledger.symbols import AppliedCommit, record_commit

VOID = {"meta", "link", "input", "br"}
OLD, NEW, COMMIT = "a" * 64, "b" * 64, "c" * 40
FAMILY = "ab 12 & <co>"
MADE = Cause(kind="commit", id=COMMIT, time=1.0)
REVISED = Cause(kind="datasheet", id=NEW, time=2.0)


class Page(HTMLParser):
    """Links of a page, and whether each tag that opens is closed in its place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.links: list[str] = []
        self.tables: list[list[int]] = []
        """How many columns each row of each table takes."""
        self.feed(text)
        self.faults += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        values = dict(attrs)
        if tag == "a":
            self.links.append(values.get("href") or "")
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append(0)
        if tag in ("td", "th"):
            self.tables[-1][-1] += int(values.get("colspan") or 1)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")


def link(number: int) -> TraceLink:
    name = f"AB_<CTRL>_{number}"
    anchor = Anchor(kind="register", title="CTRL", path=("Registers", "CTRL"), page=1, address=4, register="CTRL")
    return TraceLink(
        link_id=f"ln1_{number:04d}",
        revision="r1",
        sheet_sha256=NEW,
        sheet_file="AB12.pdf",
        sheet_family=FAMILY,
        part="AB12",
        anchor=anchor,
        anchor_id="anc1",
        symbol=Symbol(path="src/ab.h", kind="macro", name=name, line=number, end_line=number),
        symbol_id=f"sym1_{number}",
        grade="full",
        score=0.97,
        method="rules",
        evidence=(Evidence(rule="address", detail="4 & 4", weight=1.0),),
    )


def conflict(number: int) -> Conflict:
    made = link(number)
    return Conflict(
        conflict_id=f"cf1_{number}",
        kind="reset",
        sheet_sha256=NEW,
        sheet_family=FAMILY,
        part="AB12",
        anchor=made.anchor,
        symbol=made.symbol,
        symbol_id=made.symbol_id,
        code_value="0x0",
        sheet_value="0x7",
        detail="a < b",
    )


def sheet(sha256: str, revision: str) -> Datasheet:
    section = Section(
        title="CTRL", number="1", level=1, path=("CTRL",), page=1, end_page=1, text="CTRL", content_hash="h"
    )
    return Datasheet(
        sha256=sha256,
        file="AB12.pdf",
        title="AB12 <sensor>",
        parts=("AB12",),
        family=FAMILY,
        revision=revision,
        num_pages=1,
        sections=(section,),
        registers=(Register(name="CTRL", address=4, page=1),),
        pages=("CTRL 0x04",),
    )


def fill(engine: Engine) -> str:
    """Write a repository with links, conflicts, two revisions, a commit and audits; return its id."""
    with writing(engine) as conn:
        repo_id = sources.add_repository(conn, url="/src/<ab>", now=1.0).repo_id
        sources.record_head(conn, repo_id, COMMIT, 1.0)
        for sha256, revision, current in ((OLD, "A", False), (NEW, "B", True)):
            made = sheet(sha256, revision)
            sheets.write_sheet(conn, made, source_id="s", released_at=1.0, read_at=1.0, seconds=0.0, current=current)
        change = SheetChange(anchor="register/CTRL@0x04", what="reset", old="0x0", new="0x7")
        sheets.write_sheet_changes(conn, FAMILY, OLD, NEW, [change])
        links = [StoredLink(link=link(number), state="new") for number in range(1, 8)]
        write_turns(conn, repo_id, [LinkTurn(stored=each, cause=MADE, detail="first seen") for each in links], 1.0)
        kept = StoredLink(link=link(1), state="kept")
        write_turns(conn, repo_id, [LinkTurn(stored=kept, cause=REVISED, detail="derived again")], 2.0)
        replace_conflicts(conn, repo_id, [conflict(number) for number in range(1, 6)], MADE)
        replace_conflicts(conn, repo_id, [conflict(number) for number in range(3, 7)], REVISED)
        commit = AppliedCommit(
            event_id="e",
            repo_id=repo_id,
            commit_id=COMMIT,
            base=None,
            summary="Add <AB12> & more",
            commit_time=1.0,
            applied_at=1.0,
            files_changed=1,
            files_parsed=1,
            symbols_changed=1,
            seconds=0.1,
        )
        record_commit(conn, commit)
        for number, subject in enumerate((repo_id, LEDGER, repo_id, repo_id)):
            audit = Audit(
                repo_id=subject,
                snapshot="s",
                depth="shallow",
                audited_at=float(number),
                seconds=0.2,
                mismatches={"links": number},
                num_differences=number,
                differences=("- <x>",) * number,
                digest="f" * 64,
            )
            record_audit(conn, audit)
    return repo_id


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The console, with so few rows a page that all lists are long."""
    root = tmp_path_factory.mktemp("home")
    Home(root).create()
    engine = open_ledger(StreamsSettings(home=root).database_url)
    upgrade(engine)
    fill(engine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deploy.console.stories.ROWS", 3)
        patch.setattr(pages, "ROWS", 3)
        patch.setattr(pages, "FILE_ROWS", 4)
        with TestClient(create_app(root, engine)) as made:
            yield made
    engine.dispose()


@pytest.fixture(scope="module")
def crawled(client: TestClient) -> dict[str, Page]:
    """Every page that the state page leads to."""
    found: dict[str, Page] = {}
    waiting = deque(["/", "/links?state=all", "/conflicts?state=all"])
    while waiting:
        address = waiting.popleft()
        if address in found:
            continue
        answer = client.get(address)
        assert answer.status_code == 200, address
        found[address] = Page(answer.text)
        waiting += [urljoin(address, target) for target in found[address].links if not target.startswith("http")]
    return found


def test_every_link_leads_to_a_whole_page(crawled: dict[str, Page]) -> None:
    """From the first page one comes to each kind of page, and each is well formed."""
    kinds = {urlsplit(address).path.split("/")[1] for address in crawled}

    assert kinds == {"", "links", "repositories", "sheets", "commits", "conflicts", "audits", "checkpoints"}
    assert any(urlsplit(address).path.endswith("/impact") for address in crawled)
    assert {address: page.faults for address, page in crawled.items() if page.faults} == {}


def test_rows_have_as_many_cells_as_their_heads(crawled: dict[str, Page]) -> None:
    """In every table of every page."""
    uneven = {
        (address, number): rows
        for address, page in crawled.items()
        for number, rows in enumerate(page.tables)
        if len(set(rows)) > 1
    }

    assert uneven == {}


def test_every_page_is_json_too(client: TestClient, crawled: dict[str, Page]) -> None:
    """The page's address with .json behind its path gives its data."""
    for address in crawled:
        path, _, query = address.partition("?")
        answer = client.get(f"{'/state' if path == '/' else path}.json?{query}")
        assert answer.status_code == 200, address
        assert answer.json()


def test_long_lists_have_pages(client: TestClient) -> None:
    """Each row is on one of them."""
    rows = [
        row["conflict_id"]
        for page in (1, 2, 3)
        for row in client.get("/conflicts.json", params={"state": "all", "page": page}).json()["conflicts"]
    ]

    assert rows == sorted(f"cf1_{number}" for number in range(1, 7))
    assert "page=2" in client.get("/conflicts", params={"state": "all"}).text
    assert client.get("/conflicts", params={"page": "9" * 40}).status_code == 200


@pytest.mark.parametrize(
    ("query", "number"),
    [({}, 3), ({"state": "resolved"}, 2), ({"kind": "address"}, 0), ({"part": "ab12"}, 3), ({"repo": "none"}, 0)],
)
def test_conflicts_are_filtered(client: TestClient, query: dict[str, str], number: int) -> None:
    """By state, kind, part and repository; open ones unless another state is said."""
    assert len(client.get("/conflicts.json", params=query).json()["conflicts"]) == number


def test_a_revisions_page_answers_the_reverse_question(client: TestClient) -> None:
    """Which symbols, what differed, which conflicts; of the current revision unless one is named."""
    found = client.get(f"/sheets/{FAMILY}/impact.json", params={"register": "ctrl"}).json()
    text = client.get(f"/sheets/{FAMILY}/impact").text

    assert (found["found"]["sheet"]["sha256"], len(found["links"]), found["more"]) == (NEW, 3, True)
    assert "CTRL@0x04: reset 0x0 -&gt; 0x7" in text
    assert client.get(f"/sheets/{FAMILY}/impact.json", params={"sha": OLD}).json()["links"] == []


def test_a_link_names_its_causes(client: TestClient) -> None:
    """In words, each leading to its page."""
    text = client.get("/links/ln1_0001").text

    assert f'<a href="/commits/{COMMIT}">commit {COMMIT[:12]} &#34;Add &lt;AB12&gt; &amp; more&#34;</a>' in text
    assert "revision B of AB12.pdf" in text


@pytest.mark.parametrize(
    "path", ["/commits/1234", "/sheets/none/impact", f"/sheets/{FAMILY}/impact?sha=1234", "/links/none"]
)
def test_unknown_things_are_404_also_as_json(client: TestClient, path: str) -> None:
    """A program gets JSON, a person a page."""
    plain, _, query = path.partition("?")
    answer = client.get(f"{plain}.json?{query}")

    assert client.get(path).status_code == answer.status_code == 404
    assert answer.json()["error"]


def test_a_ledger_that_does_not_answer_is_503(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The console says so, on a page."""
    from streams.errors import LedgerError

    def broken(*_: object) -> None:
        raise LedgerError("no server at 127.0.0.1")

    monkeypatch.setattr("deploy.console.stories.reading", broken)
    answer = client.get("/conflicts")

    assert answer.status_code == 503
    assert "no server at 127.0.0.1" in answer.text


def test_what_is_read_is_shown_as_text(crawled: dict[str, Page], client: TestClient) -> None:
    """Names, titles and messages come from vendors."""
    for address in crawled:
        text = client.get(address).text
        assert "<CTRL>" not in text
        assert "<AB12>" not in text
        assert "<sensor>" not in text
        assert "<script" not in text
