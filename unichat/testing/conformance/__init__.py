"""The suite that an adapter passes: see `AdapterConformance`. Needs pytest."""

from unichat.testing.conformance.suite import CONFORMANCE, AdapterConformance

__all__ = ["CONFORMANCE", "AdapterConformance"]
