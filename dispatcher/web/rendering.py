"""Templates become pages."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse, Response

from dispatcher import credentials
from dispatcher.accounts import ROLE_WORDS
from dispatcher.control import SPOKEN
from dispatcher.waiting import spoken_reason
from dispatcher.web import statics
from dispatcher.web.navigation import rooms
from dispatcher.web.rights import Action
from dispatcher.web.speech import LANGUAGES, catalog
from dispatcher.words import (
    ACT_WORDS,
    APPROVAL_WORDS,
    DETAIL_WORDS,
    NETWORK_WORDS,
    OUTCOME_WORDS,
    REASON_WORDS,
    STATUS_WORDS,
    WAVE_WORDS,
)

if TYPE_CHECKING:
    from dispatcher.web.door import Visit

TOLD = "dispatcher_told"


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("dispatcher.web"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {
        "static": statics.address,
        "Action": Action,
        "LANGUAGES": LANGUAGES,
        "ROLE_WORDS": ROLE_WORDS,
        "CAMPAIGN_WORDS": SPOKEN,
        "STATUS_WORDS": STATUS_WORDS,
        "WAVE_WORDS": WAVE_WORDS,
        "NETWORK_WORDS": NETWORK_WORDS,
        "APPROVAL_WORDS": APPROVAL_WORDS,
        "OUTCOME_WORDS": OUTCOME_WORDS,
        "REASON_WORDS": REASON_WORDS,
        "ACT_WORDS": ACT_WORDS,
        "DETAIL_WORDS": DETAIL_WORDS,
        "spoken_reason": spoken_reason,
    }
    return made


def read_all() -> None:
    """Every template and every language, so that no page waits for its own."""
    for name in environment().list_templates():
        environment().get_template(name)
    for language in LANGUAGES:
        catalog(language)


def page(visit: Visit, template: str, status: int, values: dict[str, Any]) -> Response:
    """A template as an answer; what was told on the way here is told now."""
    response = HTMLResponse(fragment(visit, template, values), status)
    if TOLD in visit.request.cookies:
        response.delete_cookie(TOLD)
    return response


def fragment(visit: Visit, template: str, values: dict[str, Any]) -> str:
    """A template with what every page has: words, the person, the way to the rooms, the form's token, what was told."""
    speech = visit.speech
    common = {
        "visit": visit,
        "user": visit.user if visit.whole else None,
        "may": visit.may,
        "rooms": rooms(visit),
        "here": visit.request.url.path,
        "form_token": credentials.form_token(visit.token) if visit.token else "",
        "told": unquote(visit.request.cookies.get(TOLD, "")),
        "lang": speech.language,
        "now": datetime.now(UTC),
        "_": speech.word,
        "number": speech.number,
        "money": speech.money,
        "percent": speech.percent,
        "moment": speech.moment,
        "second": speech.second,
        "day": speech.day,
        "clock": speech.clock,
    }
    return environment().get_template(template).render(common | values)
