"""SOAP 1.1: a call as an envelope, and what an answer returns."""

from __future__ import annotations

import html
from collections.abc import Sequence

from providers.xmltree import Element, tree

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}

# A field's value is text, or fields of its own; the same name may come again.
Fields = Sequence[tuple[str, "str | Fields"]]


def envelope(namespace: str, operation: str, fields: Fields) -> str:
    """The call; only the operation is qualified, as Java's generators have it."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{ENVELOPE}" xmlns:ws="{namespace}">'
        f"<soapenv:Header/><soapenv:Body><ws:{operation}>{_written(fields)}</ws:{operation}></soapenv:Body>"
        "</soapenv:Envelope>"
    )


def _written(value: str | Fields) -> str:
    if isinstance(value, str):
        return html.escape(value, quote=False)
    return "".join(f"<{name}>{_written(inner)}</{name}>" for name, inner in value)


def returned(body: bytes) -> Element:
    """The `return` of an answer. Raises ValueError for a fault and for anything that is no answer."""
    root = tree(body)
    if fault := root.find("Fault"):
        raise ValueError(f"a fault: {fault.said('faultcode') or 'without a code'}")
    found = root.find("Body")
    answer = found.find("return") if found and root.name == "Envelope" else None
    if answer is None:
        raise ValueError("an answer that returns nothing")
    return answer
