"""Periodic reports: figures from the delivery log, in the form that the receiving office expects."""
