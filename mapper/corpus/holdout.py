"""The repositories that never reach a shard, so that the benchmark can ask about what was not seen."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holdout:
    """Origin families that are held out; forks and vendored copies belong to the family of their origin."""

    families: frozenset[str] = frozenset()

    def excludes(self, family: str) -> bool:
        """Return whether a repository family is held out; capitals do not count."""
        return family.casefold() in {each.casefold() for each in self.families}

    def sha256(self) -> str:
        """Return the digest of the list, the same for the same families in any order; bound into shards and results."""
        lines = sorted({each.casefold() for each in self.families})
        return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
