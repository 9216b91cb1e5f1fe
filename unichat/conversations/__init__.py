"""Conversations: which thread belongs to which conversation, one question after the other, and each event once."""
