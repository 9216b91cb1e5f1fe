"""What is done when a call fails: decided here for every transport and every adapter, with no I/O."""
