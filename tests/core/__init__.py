"""Tests of the neutral core; `canned` and `loopback` are the vendors that they talk to."""
