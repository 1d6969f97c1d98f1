"""The files of the public dataset Amazon Reviews'23 by domain, from a hub or from a folder laid out like it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.sources import amazon23
from engine.sources.source_data import SourceData
from engine.sources.timestamp_format import TimestampFormat
from store.errors import BadInput, Failed, unknown

REPOSITORY = "McAuley-Lab/Amazon-Reviews-2023"
DOMAINS = (
    "All_Beauty",
    "Amazon_Fashion",
    "Appliances",
    "Arts_Crafts_and_Sewing",
    "Automotive",
    "Baby_Products",
    "Beauty_and_Personal_Care",
    "Books",
    "CDs_and_Vinyl",
    "Cell_Phones_and_Accessories",
    "Clothing_Shoes_and_Jewelry",
    "Digital_Music",
    "Electronics",
    "Gift_Cards",
    "Grocery_and_Gourmet_Food",
    "Handmade_Products",
    "Health_and_Household",
    "Health_and_Personal_Care",
    "Home_and_Kitchen",
    "Industrial_and_Scientific",
    "Kindle_Store",
    "Magazine_Subscriptions",
    "Movies_and_TV",
    "Musical_Instruments",
    "Office_Products",
    "Patio_Lawn_and_Garden",
    "Pet_Supplies",
    "Software",
    "Sports_and_Outdoors",
    "Subscription_Boxes",
    "Tools_and_Home_Improvement",
    "Toys_and_Games",
    "Unknown",
    "Video_Games",
)
META = "raw/meta_categories/meta_{domain}.jsonl"
REVIEWS = "raw/review_categories/{domain}.jsonl"
EVENTS = "benchmark/0core/timestamp_w_his/{domain}.{split}.csv"


class HubLayout(StrEnum):
    """Which files: raw reviews, or the benchmark's splits with histories. Both come with the raw meta file."""

    RAW = "raw"
    BENCHMARK = "benchmark"


@dataclass(frozen=True)
class Fetched:
    """Where the files lie; `reviews` for raw, `train`, `valid` and `test` for the benchmark, the others None."""

    meta: Path
    reviews: Path | None = None
    train: Path | None = None
    valid: Path | None = None
    test: Path | None = None


def fetch(
    domain: str, kind: HubLayout | str, folder: Path, source: str | Path = REPOSITORY, endpoint: str | None = None
) -> Fetched:
    """Download the files of one domain below `folder`, or find them in place.

    `source` is a dataset repository of the hub, or a folder with the same paths inside (`.gz` is taken too), which is
    read in place. `endpoint` is the hub's address, by default $HF_ENDPOINT or huggingface.co. What was downloaded
    before is not downloaded again. Raises BadInput for an unknown domain or a file that is not there, Failed where
    the hub cannot be reached.
    """
    try:
        kind = HubLayout(kind)
    except ValueError:
        raise unknown("kind of files", str(kind), [one.value for one in HubLayout]) from None
    names = {"meta": META.format(domain=domain)}
    if kind is HubLayout.RAW:
        names["reviews"] = REVIEWS.format(domain=domain)
    else:
        names |= {split: EVENTS.format(domain=domain, split=split) for split in ("train", "valid", "test")}
    location = Path(source)
    if location.is_dir():
        return Fetched(**{role: _in_folder(location, name, domain) for role, name in names.items()})
    if isinstance(source, Path) or source.count("/") != 1 or source.startswith((".", "/", "~")):
        raise BadInput(f"{source}: no such folder. Pass a folder laid out like {REPOSITORY}, or that name.")
    if source == REPOSITORY and domain not in DOMAINS:
        raise unknown("domain", domain, DOMAINS, "Domains are spelled as in the dataset.")
    return Fetched(**{role: _download(source, name, folder, endpoint, kind) for role, name in names.items()})


def read(
    domain: str,
    kind: HubLayout | str,
    folder: Path,
    source: str | Path = REPOSITORY,
    endpoint: str | None = None,
    timestamp_format: str = TimestampFormat.AUTO,
) -> SourceData:
    """Fetch the files of one domain as `fetch` does and read them with `amazon23`."""
    files = fetch(domain, kind, folder, source, endpoint)
    if files.reviews is not None:
        return amazon23.read_raw(files.reviews, files.meta, domain, timestamp_format)
    assert files.train is not None, "the benchmark has all three splits"
    assert files.valid is not None, "the benchmark has all three splits"
    assert files.test is not None, "the benchmark has all three splits"
    return amazon23.read_benchmark(files.train, files.valid, files.test, files.meta, domain, timestamp_format)


def _in_folder(folder: Path, name: str, domain: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    there = sorted({path.name.split(".")[0].removeprefix("meta_") for path in (folder / name).parent.glob("*")})
    raise BadInput(f"{folder / name}: no such file. {unknown('domain', domain, there, 'Is the folder complete?')}")


def _download(repository: str, name: str, folder: Path, endpoint: str | None, kind: HubLayout) -> Path:
    options = (
        "--reviews FILE --meta FILE" if kind is HubLayout.RAW else "--train FILE --valid FILE --test FILE --meta FILE"
    )
    by_hand = f"Or download the file by hand and pass {options} instead of --from-hub."
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, RepositoryNotFoundError
    except ImportError:
        raise BadInput(
            f"huggingface-hub is not installed. Install it with `pip install huggingface-hub`. {by_hand}"
        ) from None
    try:
        return Path(hf_hub_download(repository, name, repo_type="dataset", local_dir=folder, endpoint=endpoint))
    except LocalEntryNotFoundError as error:  # the hub's own word for "not reachable and not here yet"
        raise Failed(
            f"{repository}: the hub cannot be reached ({_first_line(error)}). Check the network. {by_hand}"
        ) from None
    except RepositoryNotFoundError:
        raise BadInput(
            f"{repository}: no such dataset on the hub, or not open to you. Check --source. {by_hand}"
        ) from None
    except EntryNotFoundError:
        raise BadInput(f"{repository}: has no file {name}. Check the domain's spelling. {by_hand}") from None
    except Exception as error:  # the client passes on what its transport raises, of any library
        raise Failed(
            f"{repository}: downloading {name} failed ({_first_line(error)}). Run it again. {by_hand}"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
