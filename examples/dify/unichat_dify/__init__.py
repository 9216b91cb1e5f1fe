"""Dify's apps, through its public API: an example of an adapter."""

from unichat.adapter import Backend
from unichat_dify.adapter import DifyAdapter
from unichat_dify.operations import endpoints
from unichat_dify.settings import DifySettings

backend = Backend(name="dify", title="Dify", settings=DifySettings, build=DifyAdapter, endpoints=endpoints)
