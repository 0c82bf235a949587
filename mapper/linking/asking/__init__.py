"""What a language model is asked about, and what becomes of its answers."""
