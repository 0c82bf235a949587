"""A source tree made ready for linking: what is read of each file, and look-ups over all of them."""
