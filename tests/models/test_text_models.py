"""Models of texts: modules behind tokenizers, graphs of strings and endpoints, whose answers do not depend on the batch."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.space import TextSpace
from shiftproof.evaluation.audit.plan import _cut_off
from shiftproof.models.load import load_model
from shiftproof.models.text_module import TextModule
from shiftproof.models.transformers_folder import load_transformers
from shiftproof.shifts import Casing

WORDS = ["<pad>", "good", "bad", "film", "a", "the", "never"]


def tokenize(texts: list[str]) -> list[list[int]]:
    return [[WORDS.index(word) if word in WORDS else 0 for word in text.split()] for text in texts]


class Tiny(nn.Module):
    """Mean embeddings, attention and a head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.head = nn.Embedding(len(WORDS), 32), nn.Linear(32, 3)
        self.attend = nn.MultiheadAttention(32, 4, batch_first=True)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        x = self.embed(input_ids)
        x, _ = self.attend(x, x, x, key_padding_mask=attention_mask == 0)
        mask = attention_mask[:, :, None]
        return {"logits": self.head((x * mask).sum(1) / mask.sum(1).clamp_min(1))}


TEXTS = [" ".join(WORDS[1 + (row * step) % 6] for step in range(1, 2 + row % 23)) for row in range(70)]


def test_scores_depend_on_the_text_alone() -> None:
    model = TextModule(Tiny(), tokenize, longest=20)
    whole = model.scores(TEXTS)
    order = np.random.default_rng(0).permutation(len(TEXTS))
    assert torch.equal(model.scores([TEXTS[row] for row in order]), whole[order])
    assert all(torch.equal(model.scores([TEXTS[row]])[0], whole[row]) for row in (0, 15, 69))
    assert model.scores([]).shape == (0, 2)
    assert model.fingerprint() == TextModule(Tiny(), tokenize, longest=20).fingerprint()
    assert model.fingerprint() != TextModule(Tiny(), tokenize, longest=21).fingerprint()


@pytest.mark.parametrize(("fill", "sizes"), [(16, [16, 32]), (4, [16, 20])])
def test_batches_are_of_one_padded_length_and_filled_up(fill: int, sizes: list[int]) -> None:
    shapes: list[tuple[int, ...]] = []

    class Seen(Tiny):
        """Keeps the shapes of its batches."""

        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
            shapes.append(tuple(input_ids.shape))
            return super().forward(input_ids, attention_mask)

    texts = [*["good"] * 3, *["a good film " * 6] * 18]
    model = TextModule(Seen(), tokenize, longest=40, fill=fill)
    scores = model.scores(texts)
    assert shapes == [(sizes[0], 16), (sizes[1], 24)]
    assert torch.equal(scores[3:], scores[3:4].expand(18, 3))


def test_padding_is_masked_and_what_is_cut_off_is_counted() -> None:
    model = TextModule(Tiny(), tokenize, longest=4)
    text = "a good film"
    alone = Tiny().eval()(torch.tensor(tokenize([text])), torch.ones(1, 3, dtype=torch.int64))["logits"]
    assert torch.allclose(model.scores([text]), alone, atol=1e-6)
    long = "a good film never bad the"
    assert torch.equal(model.scores([long]), model.scores(["a good film the"])), "the last token, a separator in most tokenizers, is kept"
    assert model.cut_off([text, long, long]) == 2
    examples = sp.examples([text, long], [0, 1])
    source = sp.load_data(examples)
    assert _cut_off(model, [source]) == (
        f"1 of 2 texts of '{source.uri}' are longer than the 4 tokens that the model 'Tiny' reads, and cut off.",
    )
    assert _cut_off(sp.as_model(nn.Linear(2, 2)), [source]) == ()


def test_a_search_over_words_of_a_module() -> None:
    model: Any = TextModule(Tiny(), tokenize, longest=30)
    x = TEXTS[:12]
    found = sp.confront(model, Casing(edits=2), search=sp.Greedy(queries=60), examples=sp.examples(x, model.labels(x)))
    assert found.sent > 12


def test_bad_modules_are_one_line() -> None:
    with pytest.raises(UsageError, match="The 'longest' of a text model must be at least 1"):
        TextModule(Tiny(), tokenize, longest=0)
    with pytest.raises(UsageError, match="The 'fill' of a text model must be at least 1"):
        TextModule(Tiny(), tokenize, longest=3, fill=0)
    with pytest.raises(UsageError, match="The 'tokens' of the tokenizer of 'Tiny' must be 2 lists of ids"):
        TextModule(Tiny(), lambda texts: [[1]], longest=3).scores(["a", "b"])
    with pytest.raises(UsageError, match="There is no folder 'none' with a model of transformers"):
        load_transformers("none")
    for spec, space in (("transformers:x", sp.load_data("digits:", limit=2).space),):
        with pytest.raises(UsageError, match="must take texts and give classes"):
            load_model(spec, space=space)
    with pytest.raises(UsageError, match="not a torch module. Leave them out"):
        load_model("transformers:x", weights="w.pt", space=TextSpace())


def graph(path: Path) -> str:
    """A graph of strings: whether the text is "good", as two scores."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node(
            "LabelEncoder",
            ["text"],
            ["score"],
            domain="ai.onnx.ml",
            keys_strings=["good", "fine"],
            values_floats=[2.0, 1.0],
            default_float=-1.0,
        ),
        helper.make_node("Neg", ["score"], ["minus"]),
        helper.make_node("Concat", ["minus", "score"], ["scores"], axis=1),
    ]
    io = (
        helper.make_tensor_value_info("text", TensorProto.STRING, [None, 1]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 2]),
    )
    made = helper.make_graph(nodes, "g", [io[0]], [io[1]])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)], ir_version=8)
    onnx.save(model, str(path))
    return str(path)


def test_a_graph_of_strings(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    model: Any = load_model(graph(tmp_path / "g.onnx"), space=TextSpace())
    assert model.labels(["good", "é", "fine"]).tolist() == [1, 0, 1]
    assert model.labels([]).shape == (0,)
    with pytest.raises(UsageError, match="must be texts, one string a row"):
        model.labels(torch.zeros(2, 1))


class Answering(BaseHTTPRequestHandler):
    """Scores by the number of letters."""

    def do_POST(self) -> None:  # the name that http.server asks for
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputs"]
        body = json.dumps({"scores": [[1.0, float(len(text))] for text in asked]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


def test_an_endpoint_of_texts() -> None:
    pytest.importorskip("httpx")
    server = HTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/score"
        model: Any = load_model(url, space=TextSpace(), gives="scores")
        examples = sp.examples(["a", "مرحبا", "good"] * 50, [1] * 150)
        assert model.scores(examples.x)[:3].tolist() == [[1.0, 1.0], [1.0, 5.0], [1.0, 4.0]]
    finally:
        server.shutdown()
        server.server_close()
