"""What is done when a call fails: decided here for every driver and every adapter, with no I/O."""
