"""Suites: the questions that models are asked, cut from source files (build) and kept as versioned data (items)."""
