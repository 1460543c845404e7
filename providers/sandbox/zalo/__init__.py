"""A pretend Zalo: template messages, tokens that end, webhooks that are lost or late."""

from __future__ import annotations

from providers.sandbox.zalo.dials import WebhookDials, ZaloDials
from providers.sandbox.zalo.server import PretendZalo

__all__ = ["PretendZalo", "WebhookDials", "ZaloDials"]
