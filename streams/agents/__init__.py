"""The Faust agents: what a commit, a datasheet release and their consequences do to the ledger."""
