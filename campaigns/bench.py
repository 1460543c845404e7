"""The text bench: everything there is to know about one text before anybody approves it, both forms side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from campaigns import brandnames, tariff
from campaigns.advice import advice
from campaigns.ambiguity import Ambiguity, ambiguities
from campaigns.extremes import Case, Extremes, extremes
from campaigns.lengths import Fit, fits
from campaigns.lints import Finding, Rule, Setting, lint, missing, stale_years
from campaigns.tariff import Total
from campaigns.template import PER_RECIPIENT, Form, Placeholder, mistakes
from campaigns.terms import Terms
from campaigns.text import Costly, Encoding, Kind, Size, costly, kind, measure, nfc, plain

OTHER_YEAR = "nhắc năm khác năm nay ({year}); xem có phải chép lại từ năm trước, ghi --year để kiểm tra chặt"


@dataclass(frozen=True, slots=True)
class Question:
    """A text and what it is judged against.

    `setting.year` None means that nobody has said which year the text is for: years other than `this_year` are then
    remarks and not refusals. `communes` are those that `{commune}` may stand for, None for all; `people` are counted
    by network.
    """

    text: str
    setting: Setting
    this_year: int
    form: Form | None = None
    terms: Terms = field(default_factory=Terms)
    communes: tuple[str, ...] | None = None
    people: Mapping[str, int] = field(default_factory=dict)
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """One form of a text at its dearest: `text` as written, with its placeholders; `body` as somebody reads it."""

    text: str
    encoding: Encoding
    units: int
    segments: int
    body: str
    lengths: tuple[Fit, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What the bench says. Encoding, units and segments are those of the dearest body, in the form asked about."""

    text: str
    form: Form
    encoding: Encoding
    segments: int
    units: int
    best: Case
    worst: Case
    costly: tuple[Costly, ...]
    plain: Written
    accented: Written
    ambiguous: tuple[Ambiguity, ...]
    costs: tuple[Total, ...]
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Whether nothing was found that would keep a campaign with this text from being used."""
        return not any(finding.refuses for finding in self.findings)


def examine(question: Question) -> Report:
    """Put a text on the bench. `question.text` is cut to NFC first, and every position counts in that."""
    text = nfc(question.text)
    simple = plain(text)
    form = question.form or (Form.ACCENTED if accented(text) else Form.UNACCENTED)
    found = {Form.ACCENTED: _extremes(text, Form.ACCENTED, question)}
    found[Form.UNACCENTED] = _extremes(simple, Form.UNACCENTED, question)
    chosen = found[form] if form is Form.ACCENTED else _extremes(text, form, question)
    size = chosen.worst.size
    return Report(
        text=text,
        form=form,
        encoding=size.encoding,
        segments=size.segments,
        units=size.units,
        best=chosen.best,
        worst=chosen.worst,
        costly=tuple(costly(text)),
        plain=_written(simple, found[Form.UNACCENTED].worst, question.terms),
        accented=_written(text, found[Form.ACCENTED].worst, question.terms),
        ambiguous=tuple(ambiguities(text, question.terms.readings)),
        costs=_costs({form: extreme.worst.size for form, extreme in found.items()}, question),
        findings=tuple(_findings(text, form, chosen.worst.body, question)),
    )


def accented(text: str) -> bool:
    """Whether a text is written with accents: one letter is enough, but no sign and no look-alike."""
    return any(char.isalpha() and plain(char) != char and kind(char) is Kind.ACCENT for char in text)


def _extremes(text: str, form: Form, question: Question) -> Extremes:
    """What a text costs at best and worst; a text that cannot be filled in is measured as it stands."""
    facts = question.setting.facts
    if mistakes(text) or missing(text, facts):
        alone = Case(text, measure(text))
        return Extremes(alone, alone)
    return extremes(text, form, facts, question.communes)


def _written(text: str, worst: Case, terms: Terms) -> Written:
    size = worst.size
    return Written(text, size.encoding, size.units, size.segments, worst.body, tuple(fits(size, terms.lengths)))


def _costs(sizes: Mapping[Form, Size], question: Question) -> tuple[Total, ...]:
    return tuple(tariff.totals(sizes, tariff.tariffs(question.terms.tariffs), question.people))


def _findings(text: str, form: Form, body: str, question: Question) -> Iterable[Finding]:
    own, terms = question.setting, question.terms
    setting = replace(
        own,
        links={**dict(terms.links), **own.links},
        own_hotlines={**dict(terms.own_hotlines), **own.own_hotlines},
        banned=(*own.banned, *terms.banned),
    )
    yield from lint(text, form, setting)
    if own.year is None:
        for finding in stale_years(text, replace(own, year=question.this_year)):
            yield Finding(Rule.YEAR, OTHER_YEAR.format(year=question.this_year), finding.position, refuses=False)
    if question.sender is not None:
        for message in brandnames.mistakes(question.sender):
            yield Finding(Rule.SENDER, f'tên hiển thị "{question.sender}" {message}')
    yield from advice(body, form)


def facts(year: int, given: Mapping[Placeholder, str]) -> dict[Placeholder, str | None]:
    """What the placeholders stand for that is the same for every recipient: what was given, and the year."""
    return {name: given.get(name) for name in Placeholder if name not in PER_RECIPIENT} | {
        Placeholder.YEAR: given.get(Placeholder.YEAR, str(year))
    }
