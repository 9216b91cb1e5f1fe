"""How a call is run."""
