"""A generated shop, written as Amazon Reviews'23 raw files and read back like them.

What it is made to show: users have tastes (styles) and favourite brands; some things follow others (a film roll after
its camera, part II after part I); items are born, rise and fade, so that late targets are partly cold; and many titles
say neither what the thing is nor whom it is for, while the description does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from engine.preparation.splits import PUBLIC_T1, PUBLIC_T2
from engine.sources import amazon23
from engine.sources.source_data import SourceData
from store.errors import BadInput

PLATFORM = "synthetic"
FIRST_MOMENT = 1_483_228_800_000  # 2017-01-01
LAST_MOMENT = 1_688_169_600_000  # 2023-07-01
SPLIT_QUANTILES = (0.8, 0.9)  # of the events that have a history; they fall on the public t1 and t2

FOLLOWERS = 0.35  # of the items are made for, or continue, another one
OPAQUE = 0.45  # of the other titles say only brand and model
UNDESCRIBED = 0.12
UNTITLED = 0.004
TWIN_TITLES = 0.03  # titles copied from another item
REPEATED_REVIEWS = 0.005
BORN_LATER = 0.5
PERIODS = 24  # popularity changes so many times between the first and the last moment
LONGEST_HISTORY = 50

# What a step of a user is: the thing that follows the last one, else one of the own style, of the favourite brand, or
# whatever is popular.
FOLLOW, STYLE, BRAND = 0.6, 0.6, 0.2


@dataclass(frozen=True)
class Domain:
    """The words of one department: kinds of things, what follows them, and the tastes they serve."""

    name: str
    kinds: tuple[str, ...]
    followers: tuple[str, ...]
    styles: tuple[tuple[str, str], ...]
    brands: tuple[str, ...]
    first_names: tuple[str, ...] = ()  # of models; a letter and a number if there are none
    last_names: tuple[str, ...] = ()


DOMAINS = (
    Domain(
        "Cameras",
        ("Mirrorless Camera", "Compact Camera", "Film Camera", "Action Camera", "Zoom Lens", "Studio Flash"),
        ("Tripod", "Spare Battery", "Leather Strap", "Carrying Case", "Lens Filter", "Memory Card"),
        (
            ("Street", "quiet and small, for street photography at dusk and candid moments in the city"),
            ("Wildlife", "fast autofocus and long reach, for birds, deer and patient mornings outdoors"),
            ("Portrait", "soft light and true skin tones, for portraits, weddings and family pictures"),
            ("Adventure", "sealed against water and dust, for diving, skiing and mountain bikes"),
            ("Analog", "slow and mechanical, for lovers of grain, darkrooms and patience"),
        ),
        ("Aurora", "Kestrel", "Lumeno", "Halden", "Orisol", "Pentrix", "Vistara", "Noctel"),
    ),
    Domain(
        "Games",
        ("Role Playing Game", "Racing Game", "Puzzle Game", "Strategy Game", "Platform Game", "Farming Game"),
        ("II", "III", "Expansion Pass", "Soundtrack", "Strategy Guide", "Collector's Edition"),
        (
            ("Embers", "a dark fantasy of swords, dragons and hard choices in a ruined kingdom"),
            ("Orbit", "far planets, lonely ships and the slow mathematics of space travel"),
            ("Meadow", "a calm village life with crops, animals and friendly neighbours, fit for children"),
            ("Circuit", "loud engines, narrow streets and split seconds, best with friends on one sofa"),
            ("Cipher", "riddles, codes and quiet detective work for evenings with a notebook"),
        ),
        ("Ironleaf", "Bluemoth", "Tessera", "Corvid", "Palefire", "Snowglobe", "Undertow", "Farlight"),
        ("Hollow", "Silent", "Crimson", "Little", "Endless", "Broken", "Golden", "Paper", "Winter", "Distant"),
        ("Harbor", "Crown", "Garden", "Engine", "Mirror", "Valley", "Tower", "Signal", "Orchard", "Tide", "Lantern"),
    ),
    Domain(
        "Kitchen",
        ("Espresso Machine", "Chef Knife", "Cast Iron Pan", "Stand Mixer", "Tea Kettle", "Bread Oven"),
        ("Cleaning Set", "Replacement Filter", "Storage Box", "Recipe Book", "Spare Lid", "Measuring Spoons"),
        (
            ("Barista", "fine grinds, steady pressure and thick crema, for people who weigh their coffee"),
            ("Baker", "long ferments, open crumb and crackling crusts, for sourdough at the weekend"),
            ("Camp", "light, sturdy and quick to clean, for cooking over a fire or in a van"),
            ("Family", "large, forgiving and dishwasher safe, for weekday dinners with small children"),
            ("Gourmet", "precise heat and sharp edges, for tasting menus and slow French sauces"),
        ),
        ("Brenna", "Castello", "Fjordal", "Mirepoix", "Olsen", "Sagewood", "Terrano", "Zuppa"),
    ),
    Domain(
        "Office",
        ("Mechanical Keyboard", "Laser Printer", "Desk Lamp", "Office Chair", "Monitor", "Webcam"),
        ("Wrist Rest", "Ink Cartridge", "Spare Bulb", "Seat Cushion", "Wall Mount", "Travel Sleeve"),
        (
            ("Focus", "silent keys, warm light and nothing that blinks, for long hours of writing"),
            ("Gamer", "bright colours, fast response and heavy bases, for play after work"),
            ("Travel", "folds flat and charges anywhere, for trains, cafes and hotel desks"),
            ("Studio", "accurate colours and fine control, for design, music and video editing"),
            ("Health", "adjustable height and gentle angles, for backs and wrists that hurt"),
        ),
        ("Aldine", "Copperhead", "Deskera", "Inkwell", "Larkspur", "Monolit", "Quietude", "Stratum"),
    ),
    Domain(
        "Outdoor",
        ("Hiking Boots", "Two Person Tent", "Sleeping Bag", "Backpack", "Camp Stove", "Rain Jacket"),
        ("Fuel Canister", "Repair Kit", "Ground Sheet", "Rain Cover", "Pole Set", "Wool Socks"),
        (
            ("Ultralight", "every gram counted, for thru-hikers who cut the handle off their toothbrush"),
            ("Winter", "warm, dry and windproof, for snow camps and long nights below zero"),
            ("Desert", "airy, pale and tough, for heat, sand and little water"),
            ("Weekend", "roomy and cheerful, for lakes, barbecues and a first night out with children"),
            ("Alpine", "stiff, narrow and strong, for ridges, glaciers and early starts"),
        ),
        ("Arven", "Boreal Peak", "Drumlin", "Fellwalker", "Isbjorn", "Mistral", "Northing", "Talus"),
    ),
    Domain(
        "Music",
        ("Acoustic Guitar", "Digital Piano", "Snare Drum", "Synthesizer", "Violin", "Audio Interface"),
        ("String Set", "Sustain Pedal", "Drum Sticks", "Soft Case", "Song Book", "Clip-On Tuner"),
        (
            ("Folk", "warm, woody and simple, for songs around a table"),
            ("Concert", "a wide dynamic range and even touch, for classical pieces and exams"),
            ("Bedroom", "quiet, small and full of presets, for beats made at night with headphones"),
            ("Stage", "loud, rugged and easy to see in the dark, for bands on tour"),
            ("Student", "light, cheap and forgiving, for the first year of lessons"),
        ),
        ("Amabile", "Birchwood", "Cadenza", "Fermata", "Ostinato", "Rondo", "Timbral", "Vivo"),
    ),
)

OPINIONS = (
    "Not what was promised.",
    "Not quite for me.",
    "Does what it says.",
    "Would buy again.",
    "Better than hoped.",
)


def write_shop(
    folder: Path, users: int, items: int, domains: int, seed: int, tied_share: float = 0.0
) -> list[tuple[str, Path, Path]]:
    """Write a shop into `folder`: (domain, reviews file, meta file) per domain, the same bytes for the same arguments.

    `users` and `items` count per domain. No two events of a user share a time, but for `tied_share` of those that
    follow another, which get its time. Raises BadInput for numbers that make no shop.
    """
    for option, value, least in (("users", users, 1), ("items", items, 2), ("domains", domains, 1), ("seed", seed, 0)):
        if value < least:
            raise BadInput(f"--{option} {value}: at least {least} is needed.")
    if not 0 <= tied_share <= 1:
        raise BadInput(f"--tied-share {tied_share:g}: a share from 0 to 1 is needed.")
    return [
        _write_domain(folder, _words(number), users, items, [seed, number], tied_share) for number in range(domains)
    ]


def read_shop(
    folder: Path, users: int, items: int, domains: int, seed: int, tied_share: float = 0.0
) -> list[SourceData]:
    """Write a shop into `folder` and read it back as Amazon Reviews'23, labelled synthetic."""
    settings = {"users": users, "items": items, "seed": seed} | ({"tied_share": tied_share} if tied_share else {})
    return [
        replace(amazon23.read_raw(reviews, meta, name), platform=PLATFORM, synthetic=True, settings=settings)
        for name, reviews, meta in write_shop(folder, users, items, domains, seed, tied_share)
    ]


@dataclass(frozen=True)
class _Shelf:
    """The items of a domain as columns of length I; `next` is what follows an item, −1 where nothing does."""

    kind: np.ndarray
    style: np.ndarray
    brand: np.ndarray
    main: np.ndarray  # the item this one was made for, −1 where it stands for itself
    next: np.ndarray
    born: np.ndarray  # 0 … 1 of the shop's time
    life: np.ndarray
    appeal: np.ndarray


def _words(number: int) -> Domain:
    words = DOMAINS[number % len(DOMAINS)]
    repeats = number // len(DOMAINS)
    return replace(words, name=f"{words.name}_{repeats + 1}") if repeats else words


def _write_domain(
    folder: Path, words: Domain, users: int, items: int, seed: list[int], tied_share: float
) -> tuple[str, Path, Path]:
    rng = np.random.default_rng(seed)
    shelf = _shelf(rng, words, items)
    keys = pl.Series([f"S{words.name[:3].upper()}{number:07d}" for number in range(items)])
    meta = folder / f"meta_{words.name}.jsonl"
    reviews = folder / f"{words.name}.jsonl"
    _meta(rng, words, shelf, keys).write_ndjson(meta)
    user, item, time, rating = _walks(rng, words, shelf, users)
    if tied_share:
        time = _tied(np.random.default_rng([*seed, 1]), user, time, tied_share)
    _reviews(rng, user, keys.gather(item), time, rating).write_ndjson(reviews)
    return words.name, reviews, meta


def _shelf(rng: np.random.Generator, words: Domain, items: int) -> _Shelf:
    mains = items - int(items * FOLLOWERS)
    follower = np.arange(items) >= mains
    popular = rng.lognormal(0, 1, mains)
    main = np.where(follower, rng.choice(mains, items, p=popular / popular.sum()), -1)
    source = np.where(follower, main, np.arange(items))  # followers are of their main item's brand and style
    born = np.where(rng.random(items) < BORN_LATER, rng.random(items), 0.0)
    chain = np.lexsort((np.arange(items), follower, source))  # each main item, then its followers
    following = np.full(items, -1)
    linked = source[chain[1:]] == source[chain[:-1]]
    following[chain[:-1][linked]] = chain[1:][linked]
    appeal = rng.lognormal(0, 1, items)
    return _Shelf(
        kind=rng.integers(len(words.kinds), size=items)[source],
        style=rng.integers(len(words.styles), size=items)[source],
        brand=rng.integers(len(words.brands), size=items)[source],
        main=main,
        next=following,
        born=np.where(follower, np.minimum(born[source] + 0.02, 1.0), born),
        life=rng.uniform(0.08, 0.6, items),
        appeal=np.where(follower, appeal * 0.3, appeal),
    )


def _meta(rng: np.random.Generator, words: Domain, shelf: _Shelf, keys: pl.Series) -> pl.DataFrame:
    items = len(keys)
    opaque = rng.random(items) < OPAQUE
    letters = rng.integers(26, size=items)
    accessory = rng.integers(len(words.followers), size=items)
    titles: list[str] = []
    descriptions: list[str] = []
    for i in range(items):
        brand, kind = words.brands[shelf.brand[i]], words.kinds[shelf.kind[i]]
        style, taste = words.styles[shelf.style[i]]
        main = int(shelf.main[i])
        if main < 0:
            model = f"{brand} {_model(words, int(letters[i]), i)}"
            titles.append(model if opaque[i] else f"{model} {style} {kind}")
            descriptions.append(f"{_article(kind)} {kind.lower()} by {brand}: {taste}.")
        else:
            extra = words.followers[accessory[i]]
            titles.append(f"{titles[main].removesuffix(f' {kind}')} {extra}")
            descriptions.append(
                f"{extra} for the {titles[main]}, {_article(kind).lower()} {kind.lower()} &amp; more: <i>{taste}</i>."
            )
    twins = np.flatnonzero(rng.random(items) < TWIN_TITLES)
    for twin, other in zip(twins.tolist(), rng.integers(items, size=len(twins)).tolist(), strict=True):
        titles[twin] = titles[other]
    untitled = rng.random(items) < UNTITLED
    described = rng.random(items) >= UNDESCRIBED
    kinds, brands = np.array(words.kinds), np.array(words.brands)
    return pl.DataFrame(
        {
            "main_category": [words.name] * items,
            "title": [None if bare else title for bare, title in zip(untitled, titles, strict=True)],
            "features": pl.Series([[words.styles[s][0]] for s in shelf.style], dtype=pl.List(pl.String)),
            "description": pl.Series(
                [[text] if there else [] for there, text in zip(described, descriptions, strict=True)],
                dtype=pl.List(pl.String),
            ),
            "price": np.round(rng.lognormal(3, 1, items), 2),
            "store": brands[shelf.brand].tolist(),
            "categories": [[words.name, kind] for kind in kinds[shelf.kind].tolist()],
            "parent_asin": keys,
        }
    )


def _model(words: Domain, letter: int, number: int) -> str:
    if not words.first_names:
        return f"{chr(65 + letter)}{number % 97 + 1}"
    return f"{words.first_names[number % len(words.first_names)]} {words.last_names[letter % len(words.last_names)]}"


def _article(noun: str) -> str:
    return "An" if noun[0] in "AEIOU" else "A"


def _walks(
    rng: np.random.Generator, words: Domain, shelf: _Shelf, users: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What users bought: user, item, time in ms, rating, one row per purchase, user by user."""
    length = np.clip(np.rint(rng.lognormal(1.3, 0.75, users)), 1, LONGEST_HISTORY).astype(np.int64)
    length = -np.sort(-length)  # users who still walk are then always the first ones
    favourite = rng.integers(len(words.styles), size=users)
    second = rng.integers(len(words.styles), size=users)
    brand = rng.integers(len(words.brands), size=users)
    start = rng.random(users)
    pace = (1 - start) / length
    everything = _Draw(shelf, np.zeros(len(shelf.style), np.int64), 1)
    by_style = _Draw(shelf, shelf.style, len(words.styles))
    by_brand = _Draw(shelf, shelf.brand, len(words.brands))

    steps: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    clock = start.copy()
    last = np.full(users, -1)
    for step in range(int(length[0])):
        n = int(np.searchsorted(-length, -step, side="left"))  # users of more than `step` purchases
        now = np.minimum(clock[:n] + (rng.exponential(1, n) * pace[:n] if step else 0), 1.0)
        style = np.where(rng.random(n) < 0.75, favourite[:n], second[:n])
        way = rng.random(n)
        item = everything.draw(rng, np.zeros(n, np.int64), now)
        item = np.where(way < STYLE + BRAND, by_brand.draw(rng, brand[:n], now, item), item)
        item = np.where(way < STYLE, by_style.draw(rng, style, now, item), item)
        follows = shelf.next[last[:n]]
        follows = np.where((last[:n] >= 0) & (follows >= 0) & (shelf.born[follows] <= now), follows, -1)
        item = np.where((follows >= 0) & (rng.random(n) < FOLLOW), follows, item)
        steps.append((np.arange(n), item, now))
        clock[:n] = now
        last[:n] = item
    user, item, now = (np.concatenate(parts) for parts in zip(*steps, strict=True))
    order = np.lexsort((now, user))
    user, item, now = user[order], item[order], now[order]
    liked = 3.6 + 0.9 * (shelf.style[item] == favourite[user]) + 0.4 * (shelf.brand[item] == brand[user])
    rating = np.clip(np.rint(liked + rng.normal(0, 0.9, len(user))), 1, 5)
    # Numbers are dealt out anew: otherwise the first users would be the busiest.
    return rng.permutation(users)[user], item, _moments(rng, user, now), rating


class _Draw:
    """Items of a group by their popularity at a moment: an item is unknown before its birth, then fades."""

    def __init__(self, shelf: _Shelf, group: np.ndarray, groups: int) -> None:
        self.items = np.argsort(group, kind="stable")
        self.edges = np.searchsorted(group[self.items], np.arange(groups + 1))
        middle = (np.arange(PERIODS)[:, None] + 0.5) / PERIODS
        age = middle - shelf.born[self.items]
        weight = np.where(age >= 0, shelf.appeal[self.items] * (np.exp(-age / shelf.life[self.items]) + 0.03), 0.0)
        summed = np.zeros((PERIODS, len(self.items) + 1))
        np.cumsum(weight, axis=1, out=summed[:, 1:])
        summed /= np.maximum(summed[:, -1:], 1e-12)
        self.summed = summed
        self.flat = (summed[:, 1:] + np.arange(PERIODS)[:, None]).ravel()  # increasing over all periods

    def draw(
        self, rng: np.random.Generator, group: np.ndarray, now: np.ndarray, otherwise: np.ndarray | None = None
    ) -> np.ndarray:
        """One item per row of `group`; where no item of the group is born yet, `otherwise`."""
        period = np.minimum((now * PERIODS).astype(np.int64), PERIODS - 1)
        low, high = self.summed[period, self.edges[group]], self.summed[period, self.edges[group + 1]]
        point = low + rng.random(len(group)) * (high - low)
        found = np.searchsorted(self.flat, period + point, side="right") - period * len(self.items)
        last = np.maximum(self.edges[group + 1] - 1, 0)
        item = self.items[np.minimum(np.maximum(found, self.edges[group]), last)]
        return item if otherwise is None else np.where(high > low, item, otherwise)


def _moments(rng: np.random.Generator, user: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Times as ms, stretched so that the events with a history divide 8:1:1 at the public boundaries."""
    later = np.concatenate([[False], user[1:] == user[:-1]])
    first, second = np.quantile(now[later] if later.any() else now, SPLIT_QUANTILES)
    knots = np.maximum.accumulate([now.min() - 1e-9, first, second, now.max() + 1e-9])
    times = np.interp(now, knots, [FIRST_MOMENT, PUBLIC_T1, PUBLIC_T2, LAST_MOMENT]).astype(np.int64)
    # No two events of a user share a time: each is at least 1 ms after the one before. The users' times are moved
    # apart by more than all of them span, so that one running maximum serves all users.
    rows = np.arange(len(user))
    number = np.cumsum(~later) - 1
    location = rows - np.maximum.accumulate(np.where(later, 0, rows))
    apart = times - FIRST_MOMENT - location + number * (2 * (LAST_MOMENT - FIRST_MOMENT))
    return times + np.maximum.accumulate(apart) - apart


def _tied(rng: np.random.Generator, user: np.ndarray, time: np.ndarray, share: float) -> np.ndarray:
    """Times in which about `share` of the events that follow another of their user happen at the same time."""
    rows = np.arange(len(user))
    joins = np.append(False, user[1:] == user[:-1]) & (rng.random(len(user)) < share)
    return time[np.maximum.accumulate(np.where(joins, 0, rows))]


def _reviews(
    rng: np.random.Generator, user: np.ndarray, item: pl.Series, time: np.ndarray, rating: np.ndarray
) -> pl.DataFrame:
    n = len(user)
    opinion = pl.Series(OPINIONS).gather(np.minimum(rating.astype(np.int64) - 1, 4))
    frame = pl.DataFrame({"rating": rating, "title": opinion, "text": opinion, "parent_asin": item, "user": user})
    frame = frame.select(
        "rating",
        "title",
        "text",
        pl.lit([], dtype=pl.List(pl.String)).alias("images"),
        pl.col("parent_asin").alias("asin"),
        "parent_asin",
        pl.concat_str(pl.lit("SYNTHUSER"), pl.col("user").cast(pl.String).str.zfill(8)).alias("user_id"),
        pl.Series("timestamp", time),
        pl.lit(0).alias("helpful_vote"),
        pl.lit(True).alias("verified_purchase"),
    )
    again = rng.integers(n, size=int(n * REPEATED_REVIEWS))
    rows = np.concatenate([np.arange(n), again])
    rng.shuffle(rows)  # files of reviews are in no order
    return frame[rows]
