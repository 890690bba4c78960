"""A manager says in one line how its kernel stands."""

from __future__ import annotations

from conkernelclient import ConKernelManager


async def test_the_repr_of_a_manager_names_its_kernel_and_how_it_stands() -> None:
    """Before, during and after its kernel's life."""
    km = ConKernelManager(kernel_name="python3")
    assert repr(km) == "<ConKernelManager python3, not started, 0 clients, 0 requests under way>"
    await km.start_kernel()
    kc = km.client()
    assert f"running, pid {km.provisioner.pid}, 1 clients" in repr(km)
    assert km.session.key.decode() not in repr(km) + repr(kc)
    assert repr(kc).startswith("<ConKernelClient python3, ")
    await km.shutdown_kernel(now=True)
    assert "ended" in repr(km)
