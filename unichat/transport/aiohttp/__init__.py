"""HTTP by `aiohttp`, the asyncio transport."""
