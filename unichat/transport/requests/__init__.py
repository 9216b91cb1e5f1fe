"""HTTP by `requests`, the synchronous transport."""
