"""HTTP/1.1 over asyncio: connections of our own, with `h11` to read what comes on them."""
