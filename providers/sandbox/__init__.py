"""Pretend carriers: real wire protocols on loopback, with dials for everything that goes wrong in the field."""

from __future__ import annotations

from providers.sandbox.dials import Dials, ReceiptDials, Spread
from providers.sandbox.ledger import Ledger
from providers.sandbox.server import PretendCarrier
from providers.sandbox.viettel import PretendViettel

__all__ = ["Dials", "Ledger", "PretendCarrier", "PretendViettel", "ReceiptDials", "Spread"]
