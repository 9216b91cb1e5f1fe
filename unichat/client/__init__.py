"""Clients: the neutral calls, synchronously and on asyncio."""
