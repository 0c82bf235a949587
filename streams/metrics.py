"""The Prometheus metrics of watcher, worker and sealer: the only place of this package that defines one.

Labels are closed sets or ids of what a person added (repository, source). Times are timestamps, so that an age grows
when the process that should refresh it is dead.
"""

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from streams.ledger.costs import Cost

STAGES = ("symbols", "sheets", "links", "samples")
RESULTS = ("ok", "skipped", "dropped", "dead")
DURATION_BUCKETS = (0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class StreamsMetrics:
    """All metrics of streams on one registry; each process shows those it sets."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"sheetstream_streams_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"sheetstream_streams_{name}", text, labels, registry=registry)

        # Watcher
        self.polls = counter("polls_total", "Polls of a source: changed, unchanged or failed.", "kind", "result")
        self.events = counter("events_total", "Events produced: commits and datasheet releases.", "kind")
        self.source_head = gauge(
            "source_head_timestamp_seconds", "Commit or release time of the newest change seen of a source.", "source"
        )
        self.source_failing = gauge("source_failing", "1 while the last poll of a source failed.", "source")

        self.hints = counter("hints_total", "Hints of news: taken, or unknown where nothing is watched.", "result")

        # Hooks
        self.webhooks = counter("webhooks_total", "Deliveries of webhooks, by what was answered.", "forge", "status")

        # Worker
        self.records = counter("records_total", "Records an agent is done with, by result.", "stage", "result")
        self.retries = counter("retries_total", "Attempts that failed and were repeated, by reason.", "stage", "reason")
        self.gaps = counter("offset_gaps_total", "Times an agent was given a record beyond the next one.", "stage")
        self.duration = Histogram(
            "sheetstream_streams_stage_duration_seconds",
            "From taking a record to its effect being durable and published.",
            ["stage"],
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        self.event_time = gauge(
            "stage_event_time_timestamp_seconds", "Event time of the newest record applied.", "stage", "partition"
        )
        self.dead_letters = counter("dead_letters_total", "Records that went to the dead letters.", "stage", "reason")
        self.drops = counter("dropped_total", "Files and samples left out, by reason.", "stage", "reason")
        self.files_parsed = counter("files_parsed_total", "Source files parsed.")
        self.symbols_changed = counter("symbols_changed_total", "Symbols that came, went or changed.")
        self.pages_read = counter("pages_read_total", "Datasheet pages read.")
        self.link_changes = counter("link_changes_total", "Changes of links, by the state they came into.", "state")
        self.decisions = counter(
            "decisions_total", "Datasheets of a repository whose decision was kept, or taken anew.", "result"
        )
        self.symbols_aligned = counter(
            "symbols_aligned_total", "Symbols of files whose links to a datasheet were decided anew."
        )
        self.prompts = counter("prompts_total", "Prompts that mapping asked of a language model.")
        self.tokens = counter("tokens_total", "Tokens of these prompts and their answers.")
        self.cost_seconds = counter("cost_seconds_total", "Seconds spent on events.", "stage", "clock")
        self.published = counter("published_total", "Records published from the outbox.", "topic")
        self.stalled = gauge(
            "worker_stalled_partitions", "Partitions in which input waits, nothing is in hand and nothing moves."
        )
        self.outbox = gauge("outbox_records", "Records in the outbox that Kafka has not confirmed.")

        # Ledger, read from outside the worker
        self.links = gauge("links", "Links in the ledger.", "state")
        self.conflicts_open = gauge("conflicts_open", "Open conflicts between code and datasheet.")
        self.registers = gauge("registers", "Registers of current datasheets.")
        self.registers_linked = gauge(
            "registers_linked", "Registers of current datasheets that a live link speaks about."
        )
        self.samples = gauge("samples", "Training samples in the ledger.", "state")
        self.outdated = gauge("outdated", "What another version of the mapper read or linked, by kind.", "kind")
        self.letters = gauge(
            "dead_letters_open", "Dead letters in the ledger that were neither replayed nor dropped.", "reason"
        )

        # Lag, from the broker's offsets and so from outside the consumer: a dead one reports none
        self.lag = gauge("consumer_lag_records", "End offset less committed offset.", "agent", "topic", "partition")
        self.committed = gauge("consumer_committed_offset", "Committed offset.", "agent", "topic", "partition")
        self.ledger_lag = gauge(
            "ledger_lag_records", "End offset less the ledger's offset.", "agent", "topic", "partition"
        )
        self.members = gauge("consumer_members", "Members of the worker's consumer group.")

        # Sealer
        self.shards_sealed = counter("shards_sealed_total", "Shards sealed.")
        self.shard_bytes = counter("shard_bytes_total", "Bytes of sealed shards.")
        self.shard_samples = counter("shard_samples_total", "Samples in sealed shards.")
        self.samples_pending = gauge("samples_pending", "Samples that no shard holds yet.")
        self.sealed_event_time = gauge(
            "sealed_event_time_timestamp_seconds", "Event time of the newest sample in a sealed shard."
        )
        self.shard_mismatches = gauge(
            "shard_mismatches", "Sealed shards whose file is missing or not what its sidecar says."
        )

        # Auditor
        self.audits = counter("audits_total", "Audits done.", "depth", "result")
        self.audit_seconds = counter("audit_seconds_total", "Time that audits took.", "depth")
        self.audit_mismatches = gauge(
            "audit_mismatches", "Things in the ledger that are not what they should follow from, newest audits.", "kind"
        )
        self.audited_repositories = gauge(
            "audited_repositories", "Repositories by their newest audit: clean, differs, waiting.", "result"
        )
        self.audit_clean = gauge(
            "audit_clean_timestamp_seconds", "When a repository (or the ledger as a whole) was last clean.", "source"
        )
        self.audit_oldest_clean = gauge(
            "audit_oldest_clean_timestamp_seconds", "When the repository waiting longest was last found clean."
        )

    def count_cost(self, cost: "Cost") -> None:
        """Count what an event cost."""
        self.decisions.labels("kept").inc(cost.decisions_kept)
        self.decisions.labels("taken").inc(cost.decisions_taken)
        self.symbols_aligned.inc(cost.symbols_aligned)
        self.prompts.inc(cost.prompts)
        self.tokens.inc(cost.tokens)
        self.cost_seconds.labels(cost.agent, "cpu").inc(cost.cpu_seconds)
        self.cost_seconds.labels(cost.agent, "wall").inc(cost.wall_seconds)
