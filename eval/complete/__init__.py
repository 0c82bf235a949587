"""What a model says about an item: the likelihood it gives the reference, and the text it writes itself."""
