"""The config: a file of profiles, a URL or keywords in, a backend and its checked settings out."""

from unichat.config.checking import ProfileCheck, check_all_profiles, check_profile
from unichat.config.files import load
from unichat.config.inspection import profile_base_url
from unichat.config.resolution import ResolvedConfig, ResolveRequest, resolve, resolve_request
from unichat.config.schema import schema
from unichat.config.structure import Config
from unichat.errors import NoConfig

__all__ = [
    "Config",
    "NoConfig",
    "ProfileCheck",
    "ResolveRequest",
    "ResolvedConfig",
    "check_all_profiles",
    "check_profile",
    "load",
    "profile_base_url",
    "resolve",
    "resolve_request",
    "schema",
]
