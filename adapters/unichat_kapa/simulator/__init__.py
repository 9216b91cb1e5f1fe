"""Kapa, simulated for the sandbox: real HTTP, and answers from a folder of Markdown."""

from __future__ import annotations

from unichat_kapa.simulator.quirks import KapaQuirks
from unichat_kapa.simulator.service import KapaSimulator

__all__ = ["KapaQuirks", "KapaSimulator"]
