"""How a call is run: programs that decide, performers that do the I/O, attempts, live streams, tokens."""
