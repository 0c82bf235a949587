"""The vendor's repositories: a state, the commits that change it, and the tree each state gives."""
