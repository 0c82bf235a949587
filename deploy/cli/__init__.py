"""The `sheetstream` command: one file a command group, nothing heavy at import."""
