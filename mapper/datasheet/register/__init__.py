"""Registers, bit fields, commands and parameters, from tables and headings."""
