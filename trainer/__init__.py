"""Continual pre-training: follows the shards, trains a rank-stabilised LoRA adapter, writes checkpoints that resume."""
