"""Level 3: which places of a datasheet the symbols of the accepted files stand for."""
