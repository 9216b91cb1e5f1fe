"""Text on its way in and out: printing, encoding, decoding, logging, and templates for every face."""
