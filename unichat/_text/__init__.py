"""Text that comes in and goes out: printing, encoding, decoding, logging, and templates for every face."""
