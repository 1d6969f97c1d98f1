"""What may be set about a map."""

from __future__ import annotations

import pytest

from engine.projection.method import Method, parameters
from store.errors import BadInput


def test_few_points_look_at_a_third_of_the_others_unless_told() -> None:
    assert parameters(Method.TSNE, [], 1_000)["perplexity"] == 30
    assert parameters(Method.TSNE, [], 31)["perplexity"] == 10  # (31 − 1) / 3
    assert parameters(Method.UMAP, [], 1_000)["neighbours"] == 15
    assert parameters(Method.UMAP, [], 31)["neighbours"] == 10
    assert parameters(Method.UMAP, [], 5)["neighbours"] == 2
    assert parameters(Method.TSNE, ["perplexity=29.5", "iterations=300"], 30) == {
        "perplexity": 29.5,
        "early-exaggeration": 12,
        "learning-rate": None,
        "iterations": 300,
    }


@pytest.mark.parametrize(
    ("method", "overrides", "n", "words"),
    [
        (Method.TSNE, [], 4, "4 points are too few for a map; it takes 5"),
        (Method.TSNE, ["perplexity"], 50, "--set perplexity: is not KEY=VALUE"),
        (Method.TSNE, ["perplexty=5"], 50, 'No setting of tsne "perplexty". Did you mean perplexity'),
        (Method.TSNE, ["neighbours=5"], 50, 'No setting of tsne "neighbours"'),
        (Method.TSNE, ["perplexity=50"], 50, "must be below the number of points, 50"),
        (Method.TSNE, ["perplexity=0.5"], 50, "allowed are 1 and above"),
        (Method.TSNE, ["perplexity=nan"], 50, "allowed are 1 and above"),
        (Method.TSNE, ["learning-rate=inf"], 50, "allowed are 0.001 and above"),
        (Method.TSNE, ["iterations=249"], 50, "allowed are 250 and above"),
        (Method.TSNE, ["iterations=300.5"], 50, "is not a whole number"),
        (Method.UMAP, ["neighbours=1"], 50, "allowed are 2 and above"),
        (Method.UMAP, ["min-dist=2"], 50, "allowed are 0 to 1"),
        (Method.UMAP, ["min-dist=far"], 50, "is not a number"),
    ],
)
def test_when_a_setting_is_wrong(method: Method, overrides: list[str], n: int, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parameters(method, overrides, n)
