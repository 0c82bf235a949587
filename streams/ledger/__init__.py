"""The ledger: the current truth in an SQL database, and the only place in Sheetstream with SQL.

One module an aggregate; each function takes an open connection, so the caller decides what is one transaction.
"""
