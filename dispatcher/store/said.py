"""What a message said as it was sent: its text, or the template that was filled in."""

from __future__ import annotations

# Of a message whose texts are `t` and whose wave is `w`: the template by which it goes over a route, NULL where it is a text.
TEMPLATE = "CASE WHEN {route} = ANY(w.filled) THEN t.template END"
TEXT = (
    "coalesce('Zalo, mẫu ' || " + TEMPLATE + " || coalesce(': ' || ("
    "SELECT string_agg(key || ' = ' || value, '; ' ORDER BY key) FROM jsonb_each_text(t.parameters)), ''), t.body)"
)


def text(route: str) -> str:
    """The words, as an expression; `route` is one as well."""
    return TEXT.format(route=route)


def template(route: str) -> str:
    """The template's id."""
    return TEMPLATE.format(route=route)
