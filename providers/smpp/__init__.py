"""SMPP 3.4, with 5.0 tolerated: a standing link to a carrier's message centre (SMSC), all of it ours."""
