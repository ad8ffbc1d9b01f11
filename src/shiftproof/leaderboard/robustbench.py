"""RobustBench's `model_info` files as entries, and entries as such files.

The format (`model_info/<dataset>/<threat>/<model>.json`): accuracies are percentages as text, eps is text such as "8/255" or "0.5", and the
model's name and the threat are said by the path alone. `autoattack_acc` is accuracy under AutoAttack's standard version, `external` under
an evaluation made elsewhere, usually adaptive, and the better known bound of the two is what it ranks by; `reported` is what the authors
say, by whatever evaluation; `unreliable` whether AutoAttack raised a flag. Entries against corruptions have `corruptions_acc` instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from shiftproof._errors import UsageError, must, unknown
from shiftproof._part import show
from shiftproof.leaderboard._model_info import ALWAYS, KEYS, MEASURED, Info, Scalar, meaning
from shiftproof.leaderboard.attackbench import is_attackbench
from shiftproof.leaderboard.measured import CORRUPTIONS
from shiftproof.records.leaderboard import Entry, Number, Origin, Paper, Threat
from shiftproof.shifts.corruptions.suites import COMMON

AUTOATTACK, EXTERNAL = "autoattack", "external"
"""What the two evaluations are called as searches."""
STANDARD = "cascade(version=standard)"
"""The search that runs AutoAttack's standard version."""
BOARDS = {"linf": "Linf", "l2": "L2", CORRUPTIONS: "corruptions"}
"""The folder of each family that has a leaderboard there."""
DATASETS = frozenset({"cifar10", "cifar100", "imagenet"})
"""The data sets that have a leaderboard there."""
_UNITS = "[0, 1]"


def from_robustbench(
    info: Mapping[str, object], *, model: str, threat: str | None = None, dataset: str | None = None, source: str = ""
) -> Entry:
    """A `model_info` record as an entry that says of itself that it was published and not re-measured.

    Args:
        info: what the JSON file holds.
        model: the model's name, which in RobustBench is the file's.
        threat: Linf, L2 or corruptions, which there is the folder's name; left out only where the keys say it.
        dataset: what the folder above calls the data; where the file says otherwise this is believed, as RobustBench does, and noted.
        source: the file, for messages.

    Raises:
        UsageError: a key is unknown, missing, or its value cannot be read.

    Example:
        >>> info = {"dataset": "cifar10", "eps": "8/255", "clean_acc": "85.34", "autoattack_acc": "53.42", "name": "Overfitting"}
        >>> entry = from_robustbench(info, model="Rice2020Overfitting", threat="Linf")
        >>> entry.threat.spec, entry.bound.value, entry.bound.kind
        ('linf(eps=8/255)', 0.5342, 'at_most')
    """
    owner = f"'{source or model}'"
    for key in info:
        if key not in KEYS:
            raise unknown(f"key in {owner}", key, KEYS)
    read = {key: meaning(key, value, owner) for key, value in info.items()}
    if not isinstance(read.get("dataset"), str):
        raise must("dataset", owner, "be the name of a data set, such as cifar10", info.get("dataset"))
    if all(read.get(key) is None for key in MEASURED):
        raise UsageError(f"The entry {owner} has none of {', '.join(MEASURED)}, so there is nothing to rank it by.")
    family = _family(read, threat, owner)
    said, eps = str(read["dataset"]), _float(read, "eps")
    unreliable = _flag(read, "unreliable")
    passes = read.get("number_forward_passes")
    return Entry(
        model=model,
        paper=Paper(title=_text(read, "name"), authors=_text(read, "authors"), venue=_text(read, "venue"), link=_text(read, "link")),
        architecture=_text(read, "architecture"),
        extra_data=_flag(read, "additional_data"),
        forward_passes=passes if isinstance(passes, int) else None,
        dataset=dataset or said,
        threat=Threat(
            family=family,
            spec=family if family == CORRUPTIONS or eps is None else f"{family}(eps={show(eps)})",
            strength=eps,
            strength_name=None if eps is None else "eps",
            units=_UNITS,
        ),
        clean=_number(read, "clean_acc", "as published"),
        attacked=_attacked(read, bool(unreliable)),
        average=_number(read, "corruptions_acc", "mean over 15 corruptions at severities 1 to 5"),
        mean_corruption_error=_float(read, "corruptions_mce"),
        average_3d=_float(read, "corruptions_acc_3d"),
        mean_corruption_error_3d=_float(read, "corruptions_mce_3d"),
        reported=_float(read, "reported"),
        unreliable=unreliable,
        footnote=_text(read, "footnote"),
        notes=[] if dataset in (None, said) else [f"The file says '{said}' and stands among those of '{dataset}', which is believed."],
        as_written={key: value for key, value in info.items() if isinstance(value, str | bool | int | float | None)},
        origin=Origin(claim="published", source=source),
    )


def to_robustbench(entry: Entry) -> Info:
    """An entry as a `model_info` record. `place` says where such a file belongs, `lost` what the record cannot hold.

    AutoAttack's number comes from the search `cascade(version=standard)`; the least that any other search left is `external`. What was read
    from a file is written as it stood there, wherever the entry still says the same.

    Raises:
        UsageError: RobustBench has no leaderboard for this threat, or nothing was measured that it can hold.
    """
    place(entry)
    plain = _plain(entry)
    owner = f"'{entry.model}'"
    written = entry.as_written or {}
    same = (key for key, text in written.items() if key == "dataset" or meaning(key, text, owner) == meaning(key, plain.get(key), owner))
    kept = {key: written[key] for key in same}
    rest = {key: value for key, value in plain.items() if key not in kept and (value is not None or (key in ALWAYS and not written))}
    return {**kept, **rest}


def _plain(entry: Entry) -> Info:
    """The record from the entry's own fields alone; shares rounded to 0.01 points, as RobustBench's own program writes them."""
    standard, other = _two_bounds(entry)
    average = entry.average if entry.threat.family == CORRUPTIONS else None
    plain: Info = {
        "link": entry.paper.link,
        "name": entry.paper.title,
        "authors": entry.paper.authors,
        "additional_data": entry.extra_data,
        "number_forward_passes": entry.forward_passes,
        "dataset": entry.dataset,
        "venue": entry.paper.venue,
        "architecture": entry.architecture,
        "eps": None if entry.threat.strength is None else show(entry.threat.strength),
        "clean_acc": _percent(entry.clean.value if entry.clean else None),
        "reported": _percent(entry.reported),
        "autoattack_acc": _percent(standard),
        "external": _percent(other),
        "corruptions_acc": _percent(average.value if average else None),
        "corruptions_mce": _percent(entry.mean_corruption_error),
        "corruptions_acc_3d": _percent(entry.average_3d),
        "corruptions_mce_3d": _percent(entry.mean_corruption_error_3d),
        "footnote": entry.footnote,
        "unreliable": entry.unreliable,
    }
    if entry.threat.family == CORRUPTIONS:
        del plain["autoattack_acc"]
    if all(plain.get(key) is None for key in MEASURED):
        raise UsageError(
            f"The entry '{entry.model}' has no accuracy under {entry.threat.spec}, so RobustBench's format has nothing to hold."
        )
    return plain


def place(entry: Entry) -> Path:
    """Where RobustBench keeps such a file: `<dataset>/<threat>/<model>.json`, in letters that any disk takes.

    Raises:
        UsageError: it has no leaderboard for this threat.
    """
    family = entry.threat.family
    if family not in BOARDS:
        raise UsageError(f"RobustBench has no leaderboard for {entry.threat.spec}: it has those for {', '.join(BOARDS)}.")
    named = set(re.findall(r"\w+", entry.threat.spec.partition("(")[2]))
    if family == CORRUPTIONS and named and named != set(COMMON):
        missing = ", ".join(sorted(set(COMMON) - named)) or "none"
        raise UsageError(
            f"RobustBench's corruptions are 15, and {entry.threat.spec} is a mean over others. Missing: {missing}. "
            f"Not among them: {', '.join(sorted(named - set(COMMON))) or 'none'}."
        )
    return Path(_safe(entry.dataset), BOARDS[family], f"{_safe(entry.model)}.json")


def lost(entry: Entry) -> list[str]:
    """The fields of an entry that do not come back from RobustBench's format, such as `attacked.interval`.

    Raises:
        UsageError: as `to_robustbench`.
    """
    again = from_robustbench(to_robustbench(entry), model=entry.model, threat=BOARDS[entry.threat.family], dataset=entry.dataset)
    before, after = _flat(entry), _flat(again)
    gone = (path for path, values in before.items() if values != after.get(path, []) and any(v not in (None, []) for v in values))
    return [f"{path} (rounded)" if _rounded(before[path], after.get(path, [])) else path for path in gone]


def read_robustbench(path: Path) -> list[Entry]:
    """The entry in a `model_info` file, or those of all files in a folder and below.

    Raises:
        UsageError: there is no such file, it is not JSON, or a key of it cannot be used; the message names both.
    """
    if path.is_dir():
        files = sorted(path.rglob("*.json"))
        if not files:
            raise UsageError(f"The folder '{path}' holds no .json file of RobustBench's format.")
        return [entry for file in files for entry in read_robustbench(file)]
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"There is no file '{path}'. Give a file or folder of RobustBench's model_info.") from error
    except (ValueError, RecursionError, OSError) as error:
        raise UsageError(f"The file '{path}' cannot be read as JSON: {error}.") from error
    if not isinstance(info, dict):
        fix = " AttackBench's files are given with --attackbench." if is_attackbench(info) else ""
        raise UsageError(f"The file '{path}' must hold one JSON object, a RobustBench entry, and holds a {type(info).__name__}.{fix}")
    above, folder = path.absolute().parts[-3:-1] if len(path.absolute().parts) > 3 else ("", "")
    theirs = folder in BOARDS.values()
    dataset = above if theirs and above in DATASETS else None
    return [from_robustbench(info, model=path.stem, threat=folder if theirs else None, dataset=dataset, source=str(path))]


def _family(read: Mapping[str, Scalar], threat: str | None, owner: str) -> str:
    families = {board: family for family, board in BOARDS.items()}
    if threat is not None and threat not in families:
        raise unknown(f"threat of {owner}", threat, families)
    if read.get("corruptions_acc") is not None:
        if threat not in (None, BOARDS[CORRUPTIONS]):
            raise UsageError(f"The entry {owner} has 'corruptions_acc' and is listed under {threat}. Move it to the folder corruptions.")
        return CORRUPTIONS
    if threat is None or families[threat] == CORRUPTIONS:
        raise UsageError(
            f"The entry {owner} does not say its norm: RobustBench keeps it in a folder called Linf or L2. Put the file into one."
        )
    return families[threat]


def _attacked(read: Mapping[str, Scalar], unreliable: bool) -> list[Number]:
    standard, other = _number(read, "autoattack_acc", AUTOATTACK), _number(read, "external", EXTERNAL)
    if standard is not None and unreliable:
        standard = standard.model_copy(update={"flags": ["unreliable"]})
    return sorted((n for n in (standard, other) if n is not None), key=lambda n: n.value or 0.0)


def _number(read: Mapping[str, Scalar], key: str, search: str) -> Number | None:
    value = _float(read, key)
    if value is None:
        return None
    return Number(value=value, kind="at_most" if key in ("autoattack_acc", "external") else "estimate", search=search)


def _two_bounds(entry: Entry) -> tuple[float | None, float | None]:
    """What AutoAttack's standard version left, and the least that any other search did, where that says more."""
    known = [n for n in entry.attacked if n.value is not None]
    standard = min((n.value or 0.0 for n in known if _is_autoattack(n)), default=None)
    if entry.origin.claim == "published":
        return standard, min((n.value or 0.0 for n in known if n.search == EXTERNAL), default=None)
    other = min((n.value or 0.0 for n in known if not _is_autoattack(n)), default=None)
    return standard, None if standard is not None and other is not None and other >= standard else other


def _is_autoattack(number: Number) -> bool:
    return number.search in (AUTOATTACK, STANDARD)


def _percent(share: float | None) -> str | None:
    return None if share is None else str(round(100 * share, 2))


def _float(read: Mapping[str, Scalar], key: str) -> float | None:
    value = read.get(key)
    return value if isinstance(value, float) else None


def _text(read: Mapping[str, Scalar], key: str) -> str | None:
    value = read.get(key)
    return value if isinstance(value, str) else None


def _flag(read: Mapping[str, Scalar], key: str) -> bool | None:
    value = read.get(key)
    return value if isinstance(value, bool) else None


def _safe(name: str) -> str:
    """A name as a file's: letters, digits and `._+-` stay, the rest becomes `_`."""
    return re.sub(r"[^\w.+-]+", "_", name).strip("._")[:120] or "unnamed"


def _flat(entry: Entry) -> dict[str, list[object]]:
    """The values at each path, lists in their order."""
    found: dict[str, list[object]] = {}

    def walk(path: str, value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{path}.{key}" if path else str(key), inner)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for inner in value:
                walk(path, inner)
        else:
            found.setdefault(path, []).append(value)

    walk("", entry.model_dump(exclude={"schema_version", "as_written"} | ({"origin"} if entry.origin.claim == "published" else set())))
    return found


def _rounded(before: list[object], after: list[object]) -> bool:
    near = [isinstance(a, float) and isinstance(b, float) and abs(a - b) <= 5.1e-5 for a, b in zip(before, after, strict=False)]
    return len(before) == len(after) and all(near)
