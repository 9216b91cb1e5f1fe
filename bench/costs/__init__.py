"""The benchmarks: what unichat costs, beside bare HTTP libraries and other clients. `python -m bench.costs --help`."""
