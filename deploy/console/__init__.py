"""The web console: state of the pipeline, links both ways with evidence, checkpoints with scores."""
