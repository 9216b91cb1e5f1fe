"""Kadal, simulated for the sandbox: real HTTP, and answers from a folder of Markdown."""

from __future__ import annotations

from unichat_kadal.simulator.quirks import KadalQuirks
from unichat_kadal.simulator.service import KadalSimulator

__all__ = ["KadalQuirks", "KadalSimulator"]
