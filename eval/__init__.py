"""The benchmark: suites, scores, the gate, and the registry of releases. Import as `from eval.x import y`."""
