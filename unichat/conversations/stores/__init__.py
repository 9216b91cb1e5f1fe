"""Stores: where conversations are kept, in memory, in SQLite, or in what SQLAlchemy reaches."""
