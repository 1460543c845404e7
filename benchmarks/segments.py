"""The segment counter against brute force and against sms-segments-calculator (npm), over generated and real texts.

Run with `python -m benchmarks.segments [TEXTS]`; it needs node and npm for the second comparison, and puts the package
into var/benchmarks, apart from everything else. Every disagreement is explained by arithmetic or counted as a mistake.
"""

from __future__ import annotations

import csv
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from campaigns import definition
from campaigns.text import Encoding, Size, measure, nfc, plain
from tests.campaigns.packing import ALPHABET, ESCAPED, packed, parts

TEXTS = 1_000_000
AT_ONCE = 10_000
RIVAL = "sms-segments-calculator@1.3.0"
ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "var" / "benchmarks" / "segments"
SAMPLES = ROOT / "tests" / "campaigns" / "data" / "sample-texts.csv"
# Where a segment ends, in characters: most texts are made to end near one of them.
EDGES = (1, 67, 70, 134, 153, 160, 201, 268, 306, 335, 402, 459)
FOREIGN = "“”‘’–—…•\u00a0₫→😀🚫𠊛𝚝ñŏƀčʼ’\u200bсаðＡ"
MARKS = "\u0301\u0302\u0306\u0323"
NAMES = {"GSM-7": Encoding.GSM7, "UCS-2": Encoding.UCS2}
CUTS = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}


def samples() -> list[str]:
    """The texts that were really sent."""
    return [row["text"] for row in csv.DictReader(SAMPLES.read_text("utf-8").splitlines())]


def real() -> list[str]:
    """Texts as people write them: those really sent, and the library's."""
    campaigns = [definition.load(definition.library_path(name), year=2026) for name in definition.library()]
    return [*samples(), *(text.accented for campaign in campaigns for text in campaign.texts.values())]


def generate(count: int, batch: int = 0) -> Iterator[str]:
    """Texts of six kinds, most of them near the end of a segment; another batch has other texts."""
    dice = random.Random(f"segments {batch}")
    words = [word for text in real() for word in text.split()]
    makers = (_vietnamese, _unaccented, _decomposed, _septets, _spoilt, _units)
    for number in range(count):
        length = max(1, dice.choice(EDGES) + dice.randint(-6, 6))
        yield makers[number % len(makers)](dice, words, length)


def _vietnamese(dice: random.Random, words: list[str], length: int) -> str:
    return " ".join(dice.choices(words, k=length // 3 + 1))[:length]


def _unaccented(dice: random.Random, words: list[str], length: int) -> str:
    return plain(_vietnamese(dice, words, length))


def _decomposed(dice: random.Random, words: list[str], length: int) -> str:
    return unicodedata.normalize("NFD", _vietnamese(dice, words, length))


def _septets(dice: random.Random, _words: list[str], length: int) -> str:
    letters = dice.choices(ALPHABET, k=length)
    for place in dice.sample(range(length), k=min(length, dice.randint(0, 12))):
        letters[place] = dice.choice(ESCAPED)
    return "".join(letters)


def _spoilt(dice: random.Random, words: list[str], length: int) -> str:
    """A plain text that somebody's word processor has been at."""
    letters = list(_unaccented(dice, words, length))
    for _ in range(dice.randint(1, 4)):
        letters.insert(dice.randint(0, len(letters)), dice.choice(FOREIGN))
    return "".join(letters)


def _units(dice: random.Random, _words: list[str], length: int) -> str:
    pool = "aộđ 0" + FOREIGN + (MARKS if dice.random() < 0.5 else "")
    return "".join(dice.choices(pool, k=length))


def rival(texts: list[str]) -> list[list[object]]:
    """What the npm package says of each text."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps(text) + "\n" for text in texts)
        file.flush()
        run = subprocess.run(["node", FOLDER / "segments.cjs", file.name], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def install() -> bool:
    """Fetch the npm package into a folder of its own; False where there is no node."""
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    FOLDER.mkdir(parents=True, exist_ok=True)
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", FOLDER, RIVAL]
    subprocess.run(npm, check=True)
    shutil.copy(Path(__file__).with_suffix(".cjs"), FOLDER / "segments.cjs")
    return True


def explained(text: str, ours: Size, theirs: list[object]) -> str:
    """Why the two differ: in words where arithmetic proves it, "" where it does not."""
    encoding, units, segments, *clusters = theirs
    if not text:
        return "an empty text is one segment for them, none for us"
    same = (NAMES[str(encoding)], units) == (ours.encoding, ours.units)
    if same and clusters and segments == parts(clusters[0], *CUTS[ours.encoding]):  # type: ignore[arg-type]
        return "they keep a letter with its combining marks, or an emoji made of several, in one part"
    return ""


@dataclass(frozen=True)
class Differences:
    """What came of some texts: how many there were, how many differ from brute force and, by reason, from the package."""

    texts: int
    brute: int
    reasons: Counter[str]
    unexplained: list[str]


def compare(texts: list[str], with_rival: bool) -> Differences:
    """Count texts in every way there is."""
    sent = [nfc(text) for text in texts]
    sizes = [measure(text) for text in sent]
    brute = sum(packed(text) != (s.encoding, s.units, s.segments) for text, s in zip(sent, sizes, strict=True))
    reasons: Counter[str] = Counter()
    unexplained: list[str] = []
    for text, size, theirs in zip(sent, sizes, rival(sent), strict=True) if with_rival else ():
        if [NAMES[str(theirs[0])], *theirs[1:3]] != [size.encoding, size.units, size.segments]:
            why = explained(text, size, theirs)
            reasons[why or "NOT EXPLAINED"] += 1
            unexplained += [] if why else [text]
    return Differences(len(texts), brute, reasons, unexplained)


def compare_batch(number: int, count: int, with_rival: bool) -> Differences:
    """Make a batch of texts and count it."""
    return compare(list(generate(count, number)), with_rival)


def compare_all(count: int, with_rival: bool) -> Differences:
    """Batches in as many processes as there are cores, added up."""
    sizes = [min(AT_ONCE, count - done) for done in range(0, count, AT_ONCE)]
    reasons: Counter[str] = Counter()
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(compare_batch, range(len(sizes)), sizes, [with_rival] * len(sizes)))
    for one in found:
        reasons.update(one.reasons)
    unexplained = [text for one in found for text in one.unexplained]
    return Differences(sum(one.texts for one in found), sum(one.brute for one in found), reasons, unexplained)


def speed(texts: list[str]) -> float:
    """Texts a second, counted one after another."""
    started = time.perf_counter()
    for text in texts:
        measure(text)
    return len(texts) / (time.perf_counter() - started)


def told(what: str, found: Differences, with_rival: bool) -> None:
    """Print what came of some texts."""
    print(f"{found.texts:,} {what} texts: {found.brute} differ from brute force")
    if with_rival:
        print(f"    {sum(found.reasons.values()):,} differ from {RIVAL}")
    for why, number in found.reasons.most_common():
        print(f"    {number:,}: {why}")
    for text in found.unexplained[:10]:
        print(f"    {text!a}")


def main(count: int) -> None:
    """Print how many texts were compared, with what, and every kind of difference; fail for what nobody explains."""
    with_rival = install()
    if not with_rival:
        print("node and npm are not here: not compared with the npm package")
    sent, made = compare(samples(), with_rival), compare_all(count, with_rival)
    told("real", sent, with_rival)
    told("generated", made, with_rival)
    print(f"{speed(list(generate(AT_ONCE))):,.0f} texts a second in one process")
    sys.exit(1 if sent.brute or made.brute or sent.unexplained or made.unexplained else 0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TEXTS)
