"""The config: a file of profiles, a URL or keywords in, a backend and its checked settings out."""

from unichat.config.files import Config, load
from unichat.config.inspection import profile_base_url
from unichat.config.problems import NoConfig
from unichat.config.resolution import ProfileCheck, Resolved, ResolveRequest, check_profile, resolve, resolve_request
from unichat.config.schema import schema

__all__ = [
    "Config",
    "NoConfig",
    "ProfileCheck",
    "ResolveRequest",
    "Resolved",
    "check_profile",
    "load",
    "profile_base_url",
    "resolve",
    "resolve_request",
    "schema",
]
