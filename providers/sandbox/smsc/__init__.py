"""A pretend SMSC: SMPP 3.4 on loopback, with dials for everything that goes wrong in the field."""

from __future__ import annotations

from providers.sandbox.smsc.dials import SmscDials, SmscReceiptDials
from providers.sandbox.smsc.server import Inbound, PretendSmsc

__all__ = ["Inbound", "PretendSmsc", "SmscDials", "SmscReceiptDials"]
