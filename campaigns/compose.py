"""A wave's text as people will read it: one variant for all, or one for each commune."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from campaigns.campaign import Campaign, Wave
from campaigns.extremes import NOWHERE, extremes
from campaigns.places import areas
from campaigns.template import PER_RECIPIENT, Form, Placeholder, placeholders, render, values
from campaigns.text import Encoding, measure, nfc


@dataclass(frozen=True, slots=True)
class Variant:
    """One body of a wave. `area_code` is None for the body of everybody without a code of their own."""

    area_code: str | None
    body: str
    encoding: Encoding
    units: int
    segments: int


@dataclass(frozen=True, slots=True)
class Sample:
    """What a wave sends, in both forms, at its dearest; `form` is the one chosen."""

    wave: str
    title: str
    form: Form
    accented: Variant
    unaccented: Variant

    @property
    def chosen(self) -> Variant:
        """The variant in the form that the wave sends."""
        return self.accented if self.form is Form.ACCENTED else self.unaccented


def variants(campaign: Campaign, wave_slug: str, area_codes: Iterable[str | None] = ()) -> list[Variant]:
    """The bodies of a wave, the one for None first, then by code.

    Exactly one, for None, when the text says the same to everybody; else one for each distinct code and one for None.
    A code that is no area gets the body of None under its own code, so that every recipient finds a variant.
    Raises KeyError for a wave that the campaign does not have.
    """
    wave = campaign.wave(wave_slug)
    template = campaign.texts[wave.text].form(wave.form)
    codes = {code for code in area_codes if code is not None} if placeholders(template) & PER_RECIPIENT else set()
    return [_variant(campaign, wave, wave.form, code, _commune(code)) for code in (None, *sorted(codes))]


def samples(campaign: Campaign) -> list[Sample]:
    """Every wave in both forms, in the order written, with the dearest commune name where one is asked for."""
    return [_sample(campaign, wave) for wave in campaign.waves]


def _sample(campaign: Campaign, wave: Wave) -> Sample:
    accented, unaccented = (_dearest(campaign, wave, form) for form in (Form.ACCENTED, Form.UNACCENTED))
    return Sample(wave.slug, wave.title, wave.form, accented, unaccented)


def _dearest(campaign: Campaign, wave: Wave, form: Form) -> Variant:
    worst = extremes(campaign.texts[wave.text].form(form), form, campaign.facts()).worst
    return Variant(None, worst.body, worst.size.encoding, worst.size.units, worst.size.segments)


def _variant(campaign: Campaign, wave: Wave, form: Form, code: str | None, commune: str) -> Variant:
    facts = values(form, campaign.facts() | {Placeholder.COMMUNE: commune})
    body = nfc(render(campaign.texts[wave.text].form(form), facts))
    size = measure(body)
    return Variant(code, body, size.encoding, size.units, size.segments)


def _commune(code: str | None) -> str:
    area = areas().get(code) if code else None
    return area.name if area else NOWHERE
