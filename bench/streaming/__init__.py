"""What the stream processors cost: throughput beside a bare Faust app, latency, one commit beside a full mapping."""
