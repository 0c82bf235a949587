"""What a run left behind: ledger, topics and shards, as sets and multisets of ids that two runs can be compared by.

An id of a record is what it is about and why, never when: times are left out.
"""

import json
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from sqlalchemy import Engine, select

from mapper.ids import content_id
from streams import topics
from streams.config import StreamsSettings
from streams.ledger import dump, links, offsets, shards
from streams.ledger.engine import reading
from streams.ledger.letters import find_letters
from streams.ledger.schema import link_history, samples
from streams.shards import shards_folder, verify_shards
from streams.topics import AGENT_TOPICS, TOPICS, num_partitions, topic_name

READ_SECONDS = 60
Place = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that counts after a run."""

    dump: frozenset[str]
    """Live links, relevant files, open conflicts, live samples."""
    history: Counter[tuple[str, ...]]
    """Link, state, revision, cause of every change of a link."""
    records: Mapping[str, Counter[str]]
    """Topic -> id of a record -> how often it lies there."""
    last: Mapping[str, Mapping[str, str]]
    """Topic -> key -> state in the last record of that key, for links and samples."""
    link_states: Mapping[str, str]
    sample_states: Mapping[str, str]
    applied: Mapping[Place, tuple[int, int]]
    """Partition of an input -> records applied, records there."""
    sealed: frozenset[str]
    """Samples that the ledger has sealed."""
    in_shards: Counter[str]
    """Sample -> how many shards on disk hold it."""
    planned: Counter[str]
    """Sample -> how many shards of the ledger name it."""
    shard_faults: tuple[str, ...]
    num_shards: int
    letters: Counter[tuple[str, str]]
    """Agent, reason of each dead letter."""
    letter_headers: tuple[Mapping[str, str], ...]
    """The headers of each record in dead.letters."""

    @property
    def num_records(self) -> int:
        return sum(counted.total() for counted in self.records.values())


def collect(settings: StreamsSettings, engine: Engine) -> Evidence:
    """Read everything; the system has settled and is at rest."""
    records: dict[str, Counter[str]] = {topic.name: Counter() for topic in TOPICS}
    last: dict[str, dict[str, str]] = {topics.LINKS.name: {}, topics.SAMPLES.name: {}}
    headers: list[Mapping[str, str]] = []
    ends: dict[Place, int] = Counter()
    inputs = {topic.name for topic in AGENT_TOPICS.values()}
    for topic, message in _messages(settings):
        value = _json(message.value)
        records[topic][record_id(topic, message, value)] += 1
        if topic in inputs:
            ends[topic, message.partition] = message.offset + 1
        if topic in last:
            last[topic][message.key.decode()] = value["state"]
        if topic == topics.DEAD_LETTERS.name:
            headers.append({name: text.decode() for name, text in message.headers})
    with reading(engine) as conn:
        dumped = frozenset(dump.dump(conn).splitlines())
        history = Counter(
            (row.link_id, row.state, row.revision, row.cause_kind, row.cause_id)
            for row in conn.execute(select(link_history))
        )
        states = {row.link_id: str(row.state) for row in links.find_links(conn, state="all", limit=10_000_000)}
        sample_rows = conn.execute(select(samples.c.sample_id, samples.c.state)).all()
        known = shards.list_shards(conn)
        reached = {(at.topic, at.partition): at.applied for at in offsets.positions(conn)}
        letters = Counter((letter.agent, letter.reason) for letter in find_letters(conn, state=None, limit=1_000_000))
    return Evidence(
        dump=dumped,
        history=history,
        records=records,
        last=last,
        link_states=states,
        sample_states={row.sample_id: row.state for row in sample_rows},
        applied={place: (reached.get(place, 0), ends[place]) for place in {*ends, *reached}},
        sealed=frozenset(row.sample_id for row in sample_rows if row.state == "sealed"),
        in_shards=_samples_on_disk(shards_folder(settings.home)),
        planned=Counter(sample for shard in known for sample in shard.sample_ids),
        shard_faults=tuple(verify_shards(shards_folder(settings.home), known)),
        num_shards=len(known),
        letters=letters,
        letter_headers=tuple(headers),
    )


def record_id(topic: str, message: Any, value: Mapping[str, Any]) -> str:
    """Return what identifies a record of a topic; bytes that are no record of it are identified by themselves."""
    cause = [value.get("cause", {}).get("kind"), value.get("cause", {}).get("id")] if value else []
    match topic:
        case topics.COMMITS.name | topics.SHEETS.name if "event_id" in value:
            return str(value["event_id"])
        case topics.CHANGES.name if value:
            about = [value[name] for name in ("repo_id", "sheet_family", "paths", "symbol_ids", "anchors")]
            return content_id("soak-change", *cause, *about)
        case topics.LINKED.name if value:
            return content_id("soak-linked", *cause, value["repo_id"], value["paths"])
        case topics.LINKS.name if value:
            return "/".join([value["link_id"], value["state"], value["revision"], *map(str, cause)])
        case topics.SAMPLES.name if value:
            return "/".join([value["sample_id"], value["state"], *map(str, cause)])
        case topics.SHARDS.name if value:
            return f"{value['seq']}/{value['sha256']}"
        case topics.DEAD_LETTERS.name:
            named = {name: text.decode() for name, text in message.headers}
            return "/".join(named.get(name, "") for name in ("agent", "topic", "partition", "offset"))
    return content_id("soak-bytes", (message.value or b"").hex())


def _messages(settings: StreamsSettings) -> Iterator[tuple[str, Any]]:
    """Yield every record of every topic, each partition in its order."""
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka, enable_auto_commit=False, group_id=None, auto_offset_reset="earliest"
    )
    places = {
        TopicPartition(topic_name(settings, topic), number): topic.name
        for topic in TOPICS
        for number in range(num_partitions(settings, topic))
    }
    ends = {place: end for place, end in consumer.end_offsets(list(places)).items() if end}
    consumer.assign(list(ends))
    consumer.seek_to_beginning()
    left = READ_SECONDS
    while any(consumer.position(place) < end for place, end in ends.items()):
        found = consumer.poll(timeout_ms=1000)
        left -= not found
        assert left > 0, f"topics gave nothing for {READ_SECONDS} s"
        for place, messages in found.items():
            for message in messages:
                if message.offset < ends[place]:
                    yield places[place], message
    consumer.close()


def _json(data: bytes | None) -> Mapping[str, Any]:
    """Return the object in these bytes, an empty one when there is none."""
    try:
        value = json.loads(data or b"")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _samples_on_disk(folder: Path) -> Counter[str]:
    """Return in how many shards with a sidecar each sample lies."""
    counted: Counter[str] = Counter()
    for tar in folder.glob("*.tar"):
        if tar.with_suffix(".json").exists():
            with tarfile.open(tar) as archive:
                counted.update({name.rsplit(".", 1)[0] for name in archive.getnames()})
    return counted
