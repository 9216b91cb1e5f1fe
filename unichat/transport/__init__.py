"""HTTP, one folder for each library: sends a request once and says what became of it."""
