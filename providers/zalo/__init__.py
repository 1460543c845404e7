"""Zalo: template messages (ZBS, formerly ZNS), messages of an Official Account, their tokens and webhooks."""
