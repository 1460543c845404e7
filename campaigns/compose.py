"""A wave's text as people will read it: one variant for all, or one for each commune and each language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from campaigns.campaign import BY_TEMPLATE, Campaign, Wave, ZaloText
from campaigns.decree91 import dressed
from campaigns.extremes import NOWHERE, extremes
from campaigns.places import areas
from campaigns.template import PER_RECIPIENT, THEME_TO_COME, Form, Placeholder, placeholders, render, values
from campaigns.text import Encoding, measure, nfc


@dataclass(frozen=True, slots=True)
class Variant:
    """One body of a wave. `area_code` is None for the body of everybody without a code of their own.

    `language` is "" for Vietnamese, which everybody gets whose own language the text is not written in. `parameters` go into the
    Zalo template, where the wave goes by Zalo.
    """

    area_code: str | None
    body: str
    encoding: Encoding
    units: int
    segments: int
    language: str = ""
    template: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """What a wave sends, in both forms, at its dearest; `form` is the one chosen, `others` the other languages."""

    wave: str
    title: str
    form: Form
    accented: Variant
    unaccented: Variant
    others: tuple[Variant, ...] = ()

    @property
    def chosen(self) -> Variant:
        """The variant in the form that the wave sends."""
        return self.accented if self.form is Form.ACCENTED else self.unaccented


def variants(campaign: Campaign, wave_slug: str, area_codes: Iterable[str | None] = ()) -> list[Variant]:
    """The bodies of a wave: Vietnamese first, then the other languages; in each the one for None first, then by code.

    Exactly one for None when the text says the same to everybody; else one for each distinct code and one for None.
    A code that is no area gets the body of None under its own code, so that every recipient finds a variant.
    Raises KeyError for a wave that the campaign does not have, and for a theme that is still to come.
    """
    wave = campaign.wave(wave_slug)
    codes = sorted({code for code in area_codes if code is not None})
    zalo = campaign.texts[wave.text].zalo if wave.channel in BY_TEMPLATE else None
    own = zalo is not None and any(placeholders(value) & PER_RECIPIENT for value in zalo.parameters.values())
    return [
        _filled(campaign, zalo, _variant(campaign, body, code, _commune(code)))
        for body in _bodies(campaign, wave)
        for code in (None, *(codes if own or placeholders(body.template) & PER_RECIPIENT else ()))
    ]


def _filled(campaign: Campaign, zalo: ZaloText | None, variant: Variant) -> Variant:
    """With what goes into the template for the same people."""
    if zalo is None:
        return variant
    facts = values(Form.ACCENTED, campaign.facts() | {Placeholder.COMMUNE: _commune(variant.area_code)})
    filled = {name: nfc(render(written, facts)) for name, written in zalo.parameters.items()}
    return replace(variant, template=zalo.template, parameters=filled)


@dataclass(frozen=True, slots=True)
class _Body:
    """A text of a wave before anything is filled in."""

    template: str
    form: Form
    language: str = ""


def _bodies(campaign: Campaign, wave: Wave) -> list[_Body]:
    text = campaign.texts[wave.text]
    others = [_Body(template, Form.ACCENTED, language) for language, template in sorted(text.languages.items())]
    return [_Body(text.form(wave.form), wave.form), *others]


def samples(campaign: Campaign) -> list[Sample]:
    """Every wave in both forms, in the order written, with the dearest commune name where one is asked for."""
    return [_sample(campaign, wave) for wave in campaign.waves]


def _sample(campaign: Campaign, wave: Wave) -> Sample:
    text = campaign.texts[wave.text]
    forms = [_Body(text.form(form), form) for form in (Form.ACCENTED, Form.UNACCENTED)]
    bodies = (*forms, *_bodies(campaign, wave)[1:])
    accented, unaccented, *others = (_dearest(campaign, body) for body in bodies)
    return Sample(wave.slug, wave.title, wave.form, accented, unaccented, tuple(others))


def _dearest(campaign: Campaign, body: _Body) -> Variant:
    facts = campaign.facts() | {Placeholder.THEME: campaign.theme or THEME_TO_COME}
    return _sent(campaign, body, None, extremes(body.template, body.form, facts).worst.body)


def _variant(campaign: Campaign, body: _Body, code: str | None, commune: str) -> Variant:
    facts = campaign.facts() | {Placeholder.COMMUNE: commune}
    return _sent(campaign, body, code, nfc(render(body.template, values(body.form, facts))))


def _sent(campaign: Campaign, body: _Body, code: str | None, written: str) -> Variant:
    sent = dressed(campaign, body.form, written)
    size = measure(sent)
    return Variant(code, sent, size.encoding, size.units, size.segments, body.language)


def _commune(code: str | None) -> str:
    area = areas().get(code) if code else None
    return area.name if area else NOWHERE
