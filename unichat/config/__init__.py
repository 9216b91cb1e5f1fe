"""The config: from a file of profiles, a URL or keywords to a backend or a route with checked settings."""

from unichat.config.checking import check_all_profiles, check_profile
from unichat.config.files import load
from unichat.config.inspection import profile_base_url
from unichat.config.members import read_members
from unichat.config.request import ResolveRequest
from unichat.config.resolution import resolve, resolve_request
from unichat.config.results import Resolution, ResolvedBackend, ResolvedConfig, ResolvedRoute
from unichat.config.routes import find_kind
from unichat.config.schema import schema
from unichat.config.structure import Config
from unichat.errors import NoConfig

__all__ = [
    "Config",
    "NoConfig",
    "Resolution",
    "ResolveRequest",
    "ResolvedBackend",
    "ResolvedConfig",
    "ResolvedRoute",
    "check_all_profiles",
    "check_profile",
    "find_kind",
    "load",
    "profile_base_url",
    "read_members",
    "resolve",
    "resolve_request",
    "schema",
]
