"""What the ledger proves, in words for people and in files for other people's tools."""
