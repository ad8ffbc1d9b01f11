"""Opposites that the guard knows beside the antonyms of the shift: of place, state and doing, and words of praise and of blame."""

from __future__ import annotations

import re

from shiftproof.shifts.text.lexicon import words_of

_PAIRS = """
    up/down in/out into/out on/off inside/outside indoor/outdoor indoors/outdoors near/far close/far above/below over/under before/after
    front/back left/right top/bottom early/late day/night first/last north/south east/west upstairs/downstairs forward/backward
    here/away toward/away towards/away high/low long/short tall/short big/small big/little large/small large/little large/tiny huge/tiny
    wide/narrow thick/thin heavy/light light/dark bright/dark hot/cold warm/cool wet/dry full/empty open/closed open/shut hard/soft
    loud/quiet noisy/quiet noisy/silent fast/slow quickly/slowly young/old new/old clean/dirty alive/dead awake/asleep rich/poor
    cheap/expensive easy/difficult easy/hard simple/complex safe/dangerous right/wrong true/false same/different together/apart
    together/alone present/absent male/female friend/enemy ally/enemy public/private real/fake visible/hidden sharp/blunt smooth/rough
    push/pull give/take buy/sell come/go arrive/leave arrive/depart enter/leave enter/exit start/stop start/finish begin/end open/close
    add/remove put/remove insert/remove fill/empty lift/lower raise/lower rise/fall climb/descend sit/stand laugh/cry smile/frown
    win/lose pass/fail hit/miss catch/miss find/lose remember/forget accept/reject accept/refuse allow/forbid agree/disagree build/destroy
    create/destroy increase/decrease grow/shrink improve/worsen live/die wake/sleep talk/silent speak/silent sing/silent attack/defend
    praise/criticise praise/criticize support/oppose help/hinder help/harm include/exclude lock/unlock tie/untie dress/undress
    wrap/unwrap cover/uncover reveal/conceal reveal/hide show/hide freeze/melt heat/cool face/ignore watch/ignore
    follow/lead teach/learn borrow/lend send/receive join/separate connect/disconnect appear/disappear approach/leave stay/leave
    succeed/fail work/fail
"""
_IRREGULAR = {
    "ran": "run", "sat": "sit", "stood": "stand", "gave": "give", "given": "give", "took": "take", "taken": "take", "bought": "buy",
    "sold": "sell", "came": "come", "went": "go", "left": "leave", "began": "begin", "begun": "begin", "rose": "rise", "fell": "fall",
    "won": "win", "lost": "lose", "caught": "catch", "found": "find", "forgot": "forget", "built": "build", "grew": "grow", "woke": "wake",
    "slept": "sleep", "spoke": "speak", "sang": "sing", "hid": "hide", "froze": "freeze", "led": "lead", "taught": "teach",
    "sent": "send", "lent": "lend", "enemies": "enemy", "allies": "ally", "lying": "lie", "dying": "die", "died": "die",
}  # fmt: skip
PRAISE = words_of(
    """admirable amazing amusing appealing astonishing attractive awesome beautiful beautifully breathtaking brilliant brilliantly
    captivating charming cheerful clever compelling convincing delicious delightful dazzling elegant engaging enjoyable entertaining
    excellent exciting exhilarating exquisite extraordinary fantastic fascinating fine flawless fresh friendly fun funny gorgeous
    graceful great gripping heartwarming hilarious honest impressive incredible ingenious insightful inspired inspiring intelligent
    interesting intriguing inventive joyous likable likeable lively lovely magnificent marvellous marvelous masterful memorable
    moving outstanding perfect pleasant polished powerful refreshing remarkable rewarding rich satisfying sensational sharp skilful
    skillful smart spectacular splendid stunning stylish sublime superb superbly talented terrific thoughtful thrilling touching
    uplifting vivid warm watchable well-made witty wonderful wonderfully worthwhile good best better focused original"""
)
BLAME = words_of(
    """abysmal annoying appalling atrocious awful awkward bad badly bland boring cheap clumsy confused confusing contrived crude cynical
    depressing derivative disappointing disappointingly disastrous disgusting disjointed dreadful dreary dull dumb embarrassing
    empty exhausting failed feeble flat flawed forced foolish forgettable formulaic frustrating generic grating hackneyed
    heavy-handed hideous hollow horrible horrid idiotic incoherent incompetent inept insipid insignificant irritating lame lazy
    lifeless listless ludicrous mediocre messy mindless miserable misguided monotonous muddled nasty nauseating obnoxious offensive
    overlong overrated painful pathetic pointless poor predictable pretentious repellent repetitive repulsive ridiculous sappy
    shallow shoddy silly sloppy sluggish soulless stale stupid tasteless tedious terrible tiresome trite ugly unbearable
    unconvincing underwhelming unfunny uninspired uninteresting unfocused unoriginal unpleasant unwatchable useless vapid weak weary
    whiny wooden worse worst worthless wretched bored"""
)


def base_of(word: str) -> str:
    """A word without its ending, roughly: what forms of one verb have in common.

    >>> base_of("running"), base_of("runs"), base_of("removing"), base_of("remove"), base_of("ran")
    ('run', 'run', 'remov', 'remov', 'run')
    """
    word = _IRREGULAR.get(word, word)
    for ending in ("ing", "ied", "ies", "ed", "es", "s"):
        if word.endswith(ending) and not word.endswith("ss") and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + ("y" if ending in ("ied", "ies") else "")
            break
    if re.search(r"([bdgmnprt])\1$", word):
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


_OPPOSITE = frozenset(
    (base_of(a), base_of(b)) for pair in _PAIRS.split() for one, two in [pair.split("/")] for a, b in ((one, two), (two, one))
)


def opposite(one: str, two: str) -> bool:
    """Whether one word in the other's place says the opposite, or blames what the other praises; of words in small letters.

    >>> opposite("filling", "emptied"), opposite("compelling", "forgettable"), opposite("film", "movie")
    (True, True, False)
    """
    praised = (one in PRAISE and two in BLAME) or (one in BLAME and two in PRAISE)
    return praised or (base_of(one), base_of(two)) in _OPPOSITE


def judges(word: str) -> bool:
    """Whether a word praises or blames, in any of its forms."""
    return word in PRAISE or word in BLAME or base_of(word) in _JUDGING


_JUDGING = frozenset(map(base_of, words_of("love hate enjoy bore fail succeed disappoint impress annoy delight disgust excite")))
