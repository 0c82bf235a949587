"""A generated vendor: datasheets and repositories of our own writing, deterministic, with the truth about both."""
