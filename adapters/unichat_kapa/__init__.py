"""The Kapa adapter. `unichat_kapa.operations` has every endpoint of Kapa's reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unichat.adapter import Backend
    from unichat_kapa import operations as operations
    from unichat_kapa.settings import KapaSettings

    backend: Backend[KapaSettings]

__all__ = ["backend", "operations"]


def __getattr__(name: str) -> Any:
    # Late, so that importing the simulator, or asking which adapters there are, does not import all of this.
    if name == "operations":
        # Not `from unichat_kapa import operations`: it would ask this function for the name again.
        import unichat_kapa.operations as operations

        return operations
    if name == "backend":
        from unichat.adapter import Backend, Contracts
        from unichat_kapa.adapter import KapaAdapter
        from unichat_kapa.operations import endpoints
        from unichat_kapa.settings import KapaSettings

        return Backend(
            name="kapa",
            title="Kapa",
            settings=KapaSettings,
            build=KapaAdapter,
            endpoints=endpoints,
            identity="project_id",
            contracts=Contracts("unichat_kapa", ("reference", "2026")),
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
