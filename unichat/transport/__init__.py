"""HTTP, one folder for each library: sends a request once and returns what came of it."""
