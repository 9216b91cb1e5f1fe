"""Checks the fault bench itself: takes away one protection of unichat at a time, and shows that the bench notices."""
