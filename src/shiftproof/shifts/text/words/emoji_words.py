"""Pictures for words: "movie" as a film camera."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof.shifts.text.lexicon import parsed
from shiftproof.shifts.text.rewrite import WordTable


@dataclass(frozen=True)
class EmojiWords(WordTable):
    """Up to `edits` words replaced by a picture that shows them.

    Args:
        edits: how many at most, at least 1.

    Example:
        >>> EmojiWords(edits=2).edited('a good movie', [(2, 0), (7, 0)])
        'a 👍 🎬'
    """

    name: ClassVar[str] = "emoji_words"

    table: ClassVar[Mapping[str, tuple[str, ...]]] = parsed("""
        movie, film, movies, films, cinema, picture, screen: 🎬 | 🎥
        love, romance, romantic, heart, loving: ❤️ | 😍
        funny, fun, comedy, humor, laughs, laugh, hilarious, entertaining: 😂 | 🤣
        good, great, best, fine, well, better, enough: 👍
        bad, worst, poor, worse: 👎
        sad, tragedy, tears: 😢
        fire, hot: 🔥
        music, song: 🎵
        money: 💰
        time: ⏰
        world, earth: 🌍
        children, kids, family, young: 👪
        eyes, look, watch, see, looks, watching, seen: 👀
        people, audience, characters, cast: 👥
        story, tale, book, script, plot: 📖
        dead, death, kill: 💀
        smart, clever, mind, intelligent: 🧠
        beautiful, gorgeous, lovely: 🌹
        boring, dull, sleep, tedious: 😴
        night: 🌃
        life: 🌱
        work: 💼
        american: 🇺🇸
        war, action: ⚔️
        no, not: 🚫
        one: 1️⃣
        two: 2️⃣
        big: 🐘
        new: 🆕
        stars, star: ⭐
        animation: 🖍️
        and: ➕
        home: 🏠
        sweet: 🍬
        dark: 🌑
        game: 🎮
    """)
