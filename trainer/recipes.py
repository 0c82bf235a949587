"""Recipes: sets of values that fit together, and the configuration a run finally has.

embedded is for two cores without BF16: a few minutes for some 20,000 tokens. Its learning rate is the one of several
tried at which text of the trained repositories, of other origins and of other projects all gained; at five times that
rate the last two got worse than the base model.
olmo3-7b is for GPUs with 80 GB: rank 512 with alpha 1024, which rsLoRA scales by 1024 / sqrt(512) = 45.25.
"""

from dataclasses import dataclass, fields

from trainer.config import TrainSettings
from trainer.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """Every value that decides the numbers a run computes; written into each checkpoint."""

    base_model: str
    rank: int
    alpha: float
    dropout: float
    seq_len: int
    batch_rows: int
    micro_batch: int
    learning_rate: float
    warmup_steps: int
    decay_fraction: float
    weight_decay: float
    max_grad_norm: float
    gradient_checkpointing: bool
    dtype: str
    seed: int

    def __post_init__(self) -> None:
        if self.batch_rows % self.micro_batch:
            raise ConfigError(
                f"batch_rows: a multiple of micro_batch {self.micro_batch} expected, got {self.batch_rows}"
            )

    @property
    def batch_tokens(self) -> int:
        return self.batch_rows * self.seq_len


EMBEDDED = TrainConfig(
    base_model="smollm2-135m-instruct",
    rank=16,
    alpha=32,
    dropout=0.0,
    seq_len=512,
    batch_rows=1,
    micro_batch=1,
    learning_rate=1e-4,
    warmup_steps=4,
    decay_fraction=0.3,
    weight_decay=0.0,
    max_grad_norm=1.0,
    gradient_checkpointing=False,
    dtype="float32",
    seed=1,
)

OLMO3_7B = TrainConfig(
    base_model="allenai/Olmo-3-1025-7B",
    rank=512,
    alpha=1024,
    dropout=0.0,
    seq_len=4096,
    batch_rows=8,
    micro_batch=1,
    learning_rate=2e-5,
    warmup_steps=50,
    decay_fraction=0.2,
    weight_decay=0.0,
    max_grad_norm=1.0,
    gradient_checkpointing=True,
    dtype="bfloat16",
    seed=1,
)

RECIPES = {"embedded": EMBEDDED, "olmo3-7b": OLMO3_7B}


def resolve(settings: TrainSettings, *, has_cuda: bool) -> TrainConfig:
    """Return the run's values: those given in the settings, the rest from the recipe."""
    name = settings.recipe
    recipe = RECIPES[name] if name != "auto" else (OLMO3_7B if has_cuda else EMBEDDED)
    values = {field.name: getattr(settings, field.name) for field in fields(TrainConfig)}
    merged = {key: getattr(recipe, key) if value is None else value for key, value in values.items()}
    if settings.batch_rows is not None and settings.micro_batch is None:
        merged["micro_batch"] = min(recipe.micro_batch, settings.batch_rows)
    if settings.micro_batch is not None and settings.batch_rows is None:
        merged["batch_rows"] = max(recipe.batch_rows, settings.micro_batch)
    return TrainConfig(**merged)
