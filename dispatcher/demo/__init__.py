"""The June campaign for a pretend Lạng Sơn, from a messy roster to an audited log, with nothing real outside."""
