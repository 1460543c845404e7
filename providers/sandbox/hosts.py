"""Where pretend carriers listen, and whom they call: this machine and no other."""

from __future__ import annotations

import ipaddress


def loopback(host: str | None) -> bool:
    """Whether a host is this machine, without asking a name server."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
