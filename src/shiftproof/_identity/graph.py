"""Values as nodes of a graph, and a digest of the graph that does not depend on ids, on sharing or on the order of sets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

LENGTH = 24
"""Hexadecimal digits of a digest: 96 bits, so two values never share one by chance."""
_BYTES = LENGTH // 2


class ValueView(NamedTuple):
    """What a value is seen as.

    Args:
        label: all of it that is no other value: its type, its numbers as text.
        parts: the values that it is made of, each under a name that continues its path (".weight", "[0]").
        ordered: whether the order of the parts counts.
        gap: why it cannot be covered; None where it is.
    """

    label: str
    parts: Sequence[tuple[str, object]] = ()
    ordered: bool = True
    gap: str | None = None


@dataclass(frozen=True)
class ValueDigest:
    """A digest of everything that a value's behaviour depends on.

    Args:
        digest: equal for equal values in any process, on one version of Python.
        gaps: what it does not cover, each with its place and the reason; empty where it covers everything.
    """

    digest: str
    gaps: tuple[str, ...] = ()


@dataclass(eq=False)
class _Node:
    label: bytes
    ordered: bool
    names: tuple[bytes, ...]
    children: list[int]
    path: tuple[int, str] | None
    """The node that it was first reached from, and under which name."""

    def digest(self, of: Sequence[bytes]) -> bytes:
        """A digest of the label and of the children's digests, `of` by node."""
        parts = [name + b"\0" + of[child] for name, child in zip(self.names, self.children, strict=True)]
        return _hash(self.label, *(parts if self.ordered else sorted(parts)))


def digest_of(value: object, see: Callable[[object], ValueView], path: str) -> ValueDigest:
    """The identity of `value`, read by `see`; gaps are named by their path from `path`.

    Values that contain each other are told apart as far as any walk through them can tell them apart (bisimulation). So a list that holds
    one array twice is the list that holds two equal arrays, and circles cost a few rounds of hashing over what leads into them.
    """
    nodes, gaps = _read(value, see)
    return ValueDigest(_root_digest(nodes).hex(), tuple(dict.fromkeys(f"{path}{_path(nodes, node)}: {gap}" for node, gap in gaps)))


def _read(value: object, see: Callable[[object], ValueView]) -> tuple[list[_Node], list[tuple[int, str]]]:
    """Every value that is reached, breadth first, so that a path in a message is a shortest one."""
    nodes: list[_Node] = []
    gaps: list[tuple[int, str]] = []
    number = {id(value): 0}
    waiting: list[tuple[object, tuple[int, str] | None]] = [(value, None)]  # keeps all values alive, so that no id is used again
    for value_, path in waiting:
        look = see(value_)
        here = len(nodes)
        children: list[int] = []
        for name, part in look.parts:
            if id(part) not in number:
                number[id(part)] = len(waiting)
                waiting.append((part, (here, name)))
            children.append(number[id(part)])
        names = tuple(name.encode("utf-8", "surrogatepass") for name, _ in look.parts)
        nodes.append(_Node(look.label.encode("utf-8", "surrogatepass"), look.ordered, names, children, path))
        if look.gap is not None:
            gaps.append((here, look.gap))
    return nodes, gaps


def _root_digest(nodes: Sequence[_Node]) -> bytes:
    """The digest of the first node: from the leaves up, then in rounds for what leads into a circle."""
    of = [b""] * len(nodes)
    parents: list[list[int]] = [[] for _ in nodes]
    left = [len(node.children) for node in nodes]
    for number, node in enumerate(nodes):
        for child in node.children:
            parents[child].append(number)
    ready = [number for number, count in enumerate(left) if not count]
    for number in ready:
        of[number] = nodes[number].digest(of)
        for parent in parents[number]:
            left[parent] -= 1
            if not left[parent]:
                ready.append(parent)
    circling = [number for number, count in enumerate(left) if count]
    if not circling:
        return of[0]
    kinds, before = {b""}, 0
    while len(kinds) > before:  # each round sees one step further, until no two nodes more are told apart
        before = len(kinds)
        for number, digest in [(number, nodes[number].digest(of)) for number in circling]:
            of[number] = digest
        kinds = {of[number] for number in circling}
    return _hash(of[0], *sorted(kinds))  # all of them: the first node's own digest sees no further than the rounds went


def _path(nodes: Sequence[_Node], number: int) -> str:
    names: list[str] = []
    at = nodes[number].path
    while at is not None:
        names.append(at[1])
        at = nodes[at[0]].path
    return "".join(reversed(names))


def _hash(*parts: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=_BYTES)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()
