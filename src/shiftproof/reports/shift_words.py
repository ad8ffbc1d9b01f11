"""Shifts in words, for people who do not read specs: "Rotation up to 30 degrees"."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

Options = Mapping[str, object]


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _share(options: Options, default: float = 0.1) -> str:
    share = options.get("share", default)
    return f"{100 * share:g}%" if isinstance(share, int | float) else str(share)


def _of_column(options: Options, what: str, whole: str) -> str:
    return f"{whole.format(column=options['column'])}" if options.get("column") else f"{_share(options)} of the {what} of each row"


def _count(options: Options, noun: str) -> str:
    edits = _number(options.get("edits"))
    return f"{edits} {noun}" if edits == "1" else f"{edits} {noun}s"


def _moved(by: object) -> str:
    if not isinstance(by, int | float):
        return f"moved by {by} standard deviations"
    return f"{'lower' if by < 0 else 'higher'} by {abs(by):g} standard deviation{'' if abs(by) == 1 else 's'}"


_WORDS: dict[str, Callable[[Options], str]] = {
    "identity": lambda _: "As collected",
    "linf": lambda o: f"Any change of every value up to {o.get('eps')}",
    "l2": lambda o: f"Any change of Euclidean length up to {o.get('eps')}",
    "l1": lambda o: f"Any change of total size up to {o.get('eps')}",
    "rotation": lambda o: f"Rotation up to {_number(o.get('degrees'))} degrees",
    "translation": lambda o: f"Move up to {_number(o.get('pixels'))} pixels",
    "low_pass": lambda o: f"Only low frequencies, up to {_number(o.get('radius'))} of the highest",
    "high_pass": lambda o: f"Only high frequencies, from {_number(o.get('radius'))} of the highest",
    "missing": lambda o: f"Missing values: {_of_column(o, 'values', 'the column {column}')}",
    "swapped": lambda o: f"Wrong categories: {_of_column(o, 'categories', 'the column {column}')}",
    "misspelled": lambda o: f"Misspelled words: {_of_column(o, 'words', 'the column {column}')}",
    "drift": lambda o: f"{o.get('column')} {_moved(o.get('by', 1.0))}",
    "within_quantiles": lambda o: f"Every number moved by up to {_share(o, 0.05)} in rank",
    "within_sds": lambda o: f"Every number moved by up to {_number(o.get('sds', 0.25))} standard deviations",
    "category_costs": lambda o: f"Changed categories that cost up to {_number(o.get('budget', 1.0))}",
    "tabular": lambda o: f"Changed rows that cost up to {_number(o.get('budget'))}",
    "typos": lambda o: f"Up to {_count(o, 'typing error')}",
    "homoglyphs": lambda o: f"Up to {_count(o, 'letter')} replaced by one that looks alike",
    "casing": lambda o: f"Up to {_count(o, 'word')} in another case",
    "on": lambda o: f"{in_shift_words(str(o.get('inner')))}, in {o.get('field')}",
}


def in_shift_words(spec: str) -> str:
    """A shift's spec in words; shifts without a sentence of their own by their name and strength.

    >>> in_shift_words("rotation(degrees=30)"), in_shift_words("missing(column='education-num')"), in_shift_words("swapped(share=0.3)")
    ('Rotation up to 30 degrees', 'Missing values: the column education-num', 'Wrong categories: 30% of the categories of each row')
    >>> in_shift_words("gaussian_noise(severity=3)"), in_shift_words("mypkg/rain(most=2)")
    ('Gaussian noise, severity 3', 'mypkg/rain(most=2)')
    """
    read = _read(spec)
    if read is None:
        return spec
    name, options = read
    if name in _WORDS:
        return _WORDS[name](options)
    strength = ", ".join(f"{option.replace('_', ' ')} {_number(value)}" for option, value in options.items())
    plain = name.replace("_", " ")
    return f"{plain[:1].upper()}{plain[1:]}" + (f", {strength}" if strength else "")


def family_in(spec: str) -> str:
    """The family of a shift by its spec: its name without options, and the field that it moves.

    >>> family_in("linf(eps=8/255)"), family_in("on(field=question, inner=typos(edits=1))"), family_in("mypkg/rain(most=2)")
    ('linf', 'typos in question', 'mypkg/rain')
    """
    read = _read(spec)
    if read is not None and read[0] == "on" and {"inner", "field"} <= read[1].keys():
        return f"{family_in(str(read[1]['inner']))} in {read[1]['field']}"
    return spec.partition("(")[0]


def spelled(spec: str) -> str:
    """A spec as it is written; in words where it shows no option, so that nobody wonders what its defaults are.

    >>> spelled("missing(share=0.3)"), spelled("missing")
    ('missing(share=0.3)', 'Missing values: 10% of the values of each row')
    """
    return spec if "(" in spec else in_shift_words(spec)


def explained_spec(spec: str) -> str:
    """A spec in a sentence: as it is written, with its words where it shows no option.

    >>> explained_spec("linf(eps=0.1)"), explained_spec("missing")
    ('linf(eps=0.1)', 'missing (missing values: 10% of the values of each row)')
    """
    words = in_shift_words(spec)
    return spec if "(" in spec else f"{spec} ({words[:1].lower()}{words[1:]})"


def _read(spec: str) -> tuple[str, Options] | None:
    """The name and the options of a spec; None where it is none of plain words and numbers."""
    try:
        node = ast.parse(spec, mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if isinstance(node, ast.Name):
        return node.id, {}
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
        return None
    options: dict[str, object] = {}
    for option in node.keywords:
        text = ast.unparse(option.value)
        try:
            options[option.arg or ""] = ast.literal_eval(option.value)
        except ValueError:  # 8/255, another spec or a bare word
            options[option.arg or ""] = text.replace(" / ", "/")
    return node.func.id, options
