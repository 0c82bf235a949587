"""Tables: found by rules or by header words, understood by what their columns hold."""
