"""Release notes, which are also the model card: what the release is, how it scored, what it has learnt from."""

from collections.abc import Sequence
from datetime import UTC, datetime

from eval.release import Release
from eval.result import DomainRow, Result

MEASURES = (
    ("perplexity", "perplexity", "lower"),
    ("bits_per_byte", "bits per byte", "lower"),
    ("top1", "next token right (top-1)", "higher"),
    ("c_token_accuracy", "C-token accuracy of completions", "higher"),
    ("edit_similarity", "edit similarity of completions", "higher"),
    ("exact_match", "completions exactly right", "higher"),
)


def release_notes(release: Release, reference: Result, candidate: Result) -> str:
    """Return the notes of a release in Markdown, with its scores beside those of the model it was compared with."""
    base = release.base_model
    data = release.data
    newest = "unknown" if data.newest_event_time is None else _day(data.newest_event_time)
    lines = [
        "---",
        f"base_model: {base.name}",
        "library_name: peft",
        "tags: [lora, rslora, embedded]",
        "---",
        "",
        f"# {release.release_id}",
        "",
        f"A rank-stabilised LoRA adapter (rank {release.adapter.rank}, alpha {release.adapter.alpha:g}) for "
        f"`{base.name}`, after {release.step} steps and {release.tokens_seen:,} tokens of code and datasheets.",
        "",
        "```python",
        "from peft import PeftModel",
        f'model = PeftModel.from_pretrained(base, "adapter")  # base: {base.name}, loaded with transformers',
        "```",
        "",
        "## Scores",
        "",
        f"Suite {release.suite_version} ({release.suite_sha256[:12]}), mean over its domains, "
        f"95 % interval in brackets; beside it {release.compared_with}, which the gate compared with.",
        "",
        "| measure | better is | " + release.compared_with + " | this release |",
        "|---|---|---|---|",
        *_measure_rows(reference, candidate),
        "",
        "### Bits per byte by domain",
        "",
        *domain_table(release.rows),
        "",
        "## What it has learnt from",
        "",
        f"- shards 1 to {data.position.shard_seq}, {data.position.sample_index} samples into the last one",
        f"- newest vendor change: {newest}",
        *(f"- shard {shard.seq}: sha256 {shard.sha256}" for shard in data.shards),
        "",
        "## Provenance",
        "",
        f"- base model {base.name}, revision {base.revision or 'unknown'}, sha256 {base.sha256}",
        f"- checkpoint {release.checkpoint}, digest {release.checkpoint_digest}",
        f"- training configuration sha256 {release.config_sha256}, code commit {release.code_commit or 'unknown'}",
        f"- released {_day(release.created_at)}; every file's sha256 is in release.json",
    ]
    return "\n".join(lines) + "\n"


def domain_table(rows: Sequence[DomainRow]) -> list[str]:
    """Return the lines of the gate's table in Markdown."""
    lines = [
        "| domain | slice | n | before | after | difference (95 %) | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        interval = f"{row.difference:+.3f} ({row.low:+.3f} to {row.high:+.3f})"
        lines.append(
            f"| {row.domain} | {row.slice} | {row.num_items} | {row.reference:.3f} | {row.candidate:.3f} "
            f"| {interval} | {row.verdict} |"
        )
    return lines


def _measure_rows(reference: Result, candidate: Result) -> list[str]:
    rows = []
    for name, title, better in MEASURES:
        cells = []
        for result in (reference, candidate):
            score = result.score("macro", name)
            filled = score is not None and score.value is not None
            cells.append(f"{score.value:.3f} ({score.low:.3f} to {score.high:.3f})" if score and filled else "-")
        rows.append(f"| {title} | {better} | {cells[0]} | {cells[1]} |")
    return rows


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
