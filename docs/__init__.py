"""The documentation as package data (`unichat_docs`): the sandbox answers questions about it."""
