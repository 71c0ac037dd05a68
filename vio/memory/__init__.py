"""The one block of memory everything lives in, and its ledger."""
