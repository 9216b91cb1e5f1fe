"""The config: a file of profiles, a URL or keywords in, a backend and its checked settings out."""

from unichat.config.files import Config, load
from unichat.config.problems import NoConfig
from unichat.config.resolving import ProfileCheck, Request, Resolved, check_profile, resolve, settle
from unichat.config.schema import schema

__all__ = [
    "Config",
    "NoConfig",
    "ProfileCheck",
    "Request",
    "Resolved",
    "check_profile",
    "load",
    "resolve",
    "schema",
    "settle",
]
