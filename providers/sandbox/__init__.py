"""Pretend carriers: real wire protocols on loopback, with dials for everything that goes wrong in the field."""

from __future__ import annotations

from providers.sandbox.dials import Dials, ReceiptDials, Spread
from providers.sandbox.ledger import Ledger
from providers.sandbox.server import PretendCarrier

__all__ = ["Dials", "Ledger", "PretendCarrier", "ReceiptDials", "Spread"]
