"""Links and source code -> training samples: what is allowed in, how it reads, what was left out and why."""
