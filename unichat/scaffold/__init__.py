"""Writes the package of a new adapter, which works as it is: for an invented vendor, over a simulator of it."""

from __future__ import annotations

from unichat.scaffold.new_adapter import new_adapter

__all__ = ["new_adapter"]
