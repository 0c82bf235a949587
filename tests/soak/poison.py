"""Records that can not be processed, first, in the middle and last: buried once each, and nothing else is touched.

Some can be mended: a mirror that was not there, a datasheet whose bytes were damaged. After `dlq replay` all is as in
the undisturbed run. What can not be mended (bytes that are no record, a PDF that is none) is set aside.
"""

import json
import shutil
from collections import Counter
from pathlib import Path

from mapper.ids import content_id, sheet_event_id
from streams import topics
from streams.blobs import BlobStore
from streams.events import SheetEvent
from streams.ledger import sources
from streams.ledger.engine import writing
from streams.ledger.outbox import Outgoing
from streams.records import SheetRecord
from tests.soak.bench import Bench
from tests.soak.evidence import collect
from tests.soak.scenario import Row, scenario
from tests.soak.system import System
from tests.soak.work import Step

HEADERS = {"topic", "partition", "offset", "time", "agent", "reason", "error_class", "error", "attempts", "version"}
DEAD = Counter(
    {("symbols", "decode"): 3, ("symbols", "repository"): 2, ("sheets", "not_pdf"): 1, ("sheets", "blob"): 1}
)


@scenario("poison", "bad records first, in the middle and last; two kinds are mended and sent again", short=True)
def poison(bench: Bench) -> Row:
    """Spoil what can be spoiled, count the letters, mend, replay."""
    with bench.system("stepped") as system:
        system.keep("sealer")
        system.keep("worker")
        give_bytes(system, b"\xff first")
        give_no_pdf(system)
        for number, step in enumerate(system.steps):
            with_damage = {2: hide_sheet, 3: hide_mirror, len(system.steps) - 1: hide_mirror}.get(number)
            hidden = with_damage(system, step) if with_damage else None
            if number == 3:
                give_bytes(system, b"\xff middle")
            system.tell(step)
            system.settle()
            if hidden is not None:
                hidden.with_name(f"{hidden.name}.hidden").replace(hidden)
        give_bytes(system, b"\xff last")
        system.settle()
        letters = collect(system.settings, system.engine)
        for reason in ("decode", "not_pdf"):
            system.command("dlq", "drop", "--reason", reason, "--yes")
        system.command("dlq", "replay", "--yes")
        system.settle()
        row = bench.judge(system, exact=False)
        row = row.also(letters.letters == DEAD, f"dead letters: {dict(letters.letters)}, expected {dict(DEAD)}")
        complete = all(set(named) == HEADERS for named in letters.letter_headers)
        row = row.also(
            complete, f"headers: {[sorted(HEADERS - set(named)) for named in letters.letter_headers]} missing"
        )
        told = letters.records[topics.DEAD_LETTERS.name]
        return row.also(set(told.values()) == {1}, f"letters told more than once: {told}")


def give_bytes(system: System, data: bytes) -> None:
    """Send bytes that no agent can read, to the partition of the first repository."""
    system.ignored.add(content_id("soak-bytes", data.hex()))
    key = next(record.key for step in system.steps for record in step if record.topic == topics.COMMITS.name)
    system.send((Outgoing(topic=topics.COMMITS.name, key=key, value=data),))


def give_no_pdf(system: System) -> None:
    """Release a datasheet that is none."""
    sha256 = BlobStore(system.home).put(b"this is no PDF")
    with writing(system.engine) as conn:
        source = sources.add_sheet_source(conn, location="/bad.pdf", now=1.0).source_id
    event = SheetEvent(
        event_id=sheet_event_id(source, sha256),
        source_id=source,
        location="/bad.pdf",
        file="bad.pdf",
        sha256=sha256,
        released_at=1.0,
    )
    system.ignored.add(event.event_id)
    system.send((Outgoing(topic=topics.SHEETS.name, key=source, value=SheetRecord.from_domain(event).encode()),))


def hide_mirror(system: System, step: Step) -> Path:
    """Take away the mirror of the first commit of a step, and return where it belongs."""
    repo_id = json.loads(step[0].value or b"")["repo_id"]
    mirror = system.home / "mirrors" / f"{repo_id}.git"
    mirror.replace(mirror.with_name(f"{mirror.name}.hidden"))
    return mirror


def hide_sheet(system: System, step: Step) -> Path:
    """Damage the bytes of a step's datasheet, and return where the good ones belong."""
    path = BlobStore(system.home).path(json.loads(step[0].value or b"")["sha256"])
    shutil.copyfile(path, path.with_name(f"{path.name}.hidden"))
    path.write_bytes(b"damaged")
    return path
