"""The shell around the mapper: watchers, Kafka topics, Faust agents, the ledger and the sealing of shards.

Every part decodes, calls the mapper, writes the effect to the ledger and encodes; nothing here decides what a link is.
"""
