"""Whether a provider's templates are what our texts fill in: looked at before anything is sent, and now and then after."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from dispatcher.runtime import Route
from providers.base import Filled, TemplateInfo

# A template that is withdrawn meanwhile is refused message by message.
FRESH_SECONDS = 600.0


async def look(route: Route, texts: Iterable[Filled | None]) -> dict[str, TemplateInfo]:
    """What the provider says of the templates of these texts, asked again after a while. Raises a `ProviderError`."""
    wanted = sorted({text.template for text in texts if text})
    for template in wanted:
        seen = route.templates.get(template)
        if seen is None or time.monotonic() - seen[0] > FRESH_SECONDS:
            route.templates[template] = time.monotonic(), await route.provider.template(template)
    return {template: route.templates[template][1] for template in wanted}


def misfits(texts: Iterable[Filled | None], known: Mapping[str, TemplateInfo]) -> list[str]:
    """What keeps texts from being sent by their templates, in words, each once."""
    return list(dict.fromkeys(said for text in texts for said in _misfits(text, known)))


def _misfits(text: Filled | None, known: Mapping[str, TemplateInfo]) -> Iterator[str]:
    if text is None:
        yield "nội dung chưa có mẫu tin Zalo"
        return
    info, given = known[text.template], text.parameters
    where = f"mẫu tin Zalo {text.template}"
    if not info.usable:
        yield f"{where} chưa dùng được ({info.detail})"
        return
    places = {parameter.name: parameter for parameter in info.parameters}
    for name in given.keys() - places.keys():
        yield f"{where} không có tham số {name}"
    for name, place in places.items():
        if place.required and not given.get(name):
            yield f"{where}: thiếu tham số {name}"
        elif name in given and not place.least <= len(given[name]) <= place.most:
            size = f"{len(given[name])} ký tự, mẫu cho phép {place.least}-{place.most}"
            yield f"{where}: tham số {name} dài {size}"
