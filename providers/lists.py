"""Calls that hold a list of numbers: named after their messages, and cut in two where one number spoils all."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from providers.base import Submission, Submitted, Unclear, Unsent, Verdict
from providers.errors import NotSent, ProviderError

Submit = Callable[[Sequence[Submission]], Awaitable[Submitted]]


def list_id(submissions: Sequence[Submission]) -> str:
    """32 hexadecimal digits for these very messages, whatever their order; the message's own id where it is one alone."""
    if len(submissions) == 1:
        return submissions[0].message_id
    names = "".join(sorted(one.message_id for one in submissions))
    return hashlib.blake2b(names.encode(), digest_size=16).hexdigest()


async def halved(submit: Submit, submissions: Sequence[Submission], spoilt: Callable[[Verdict], bool]) -> Submitted:
    """Submit a list; one that is refused as `spoilt`, of which nothing was taken, again in halves.

    So a number that the carrier refuses is found in a few calls and the others are sent. Raises only what the first call
    raises; a half that fails later answers for its own messages.
    """
    whole = await submit(submissions)
    if len(submissions) == 1 or not all(map(spoilt, whole.verdicts)):
        return whole
    middle = len(submissions) // 2
    halves = [await _half(submit, part, spoilt) for part in (submissions[:middle], submissions[middle:])]
    return replace(whole, verdicts=tuple(verdict for half in halves for verdict in half))


async def _half(submit: Submit, part: Sequence[Submission], spoilt: Callable[[Verdict], bool]) -> tuple[Verdict, ...]:
    try:
        return (await halved(submit, part, spoilt)).verdicts
    except NotSent as failure:
        return (Unsent(failure),) * len(part)
    except ProviderError as error:
        return (Unclear(error.code, str(error)),) * len(part)
