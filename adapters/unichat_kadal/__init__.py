"""The Kadal adapter. `unichat_kadal.operations` has every endpoint of Kadal's reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unichat.adapter import Backend
    from unichat_kadal import operations as operations
    from unichat_kadal.settings import KadalSettings

    backend: Backend[KadalSettings]

__all__ = ["backend", "operations"]


def __getattr__(name: str) -> Any:
    # Late, so that importing the simulator, or asking which adapters there are, does not import all of this.
    if name == "operations":
        # Not `from unichat_kadal import operations`: it would ask this function for the name again.
        import unichat_kadal.operations as operations

        return operations
    if name == "backend":
        from unichat.adapter import Backend, Contracts
        from unichat_kadal.adapter import KadalAdapter
        from unichat_kadal.operations import endpoints
        from unichat_kadal.settings import KadalSettings

        return Backend(
            name="kadal",
            title="Kadal",
            settings=KadalSettings,
            build=KadalAdapter,
            endpoints=endpoints,
            identity="chat_bot_id",
            contracts=Contracts("unichat_kadal", ("1.0.7",)),
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
