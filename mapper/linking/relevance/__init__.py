"""Level 2: which files of a tree, and which of them for each page, a datasheet is about."""
