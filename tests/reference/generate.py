"""Writes `tests/vectors/`. See README.md."""

import json
from pathlib import Path

import refusals
import rows
import sequence
import vector
from contract import Size
from graph import Graph

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors"


def _sessions(*sizes):
    return [(f"{ads} ad{'s' * (ads != 1)}, {events} event{'s' * (events != 1)}", Size(ads, events)) for ads, events in sizes]


def _ads(*counts):
    return [(f"{n} ad{'s' * (n != 1)}", Size(n)) for n in counts]


#: builder, runs, sizes of the golden cases
CASES = [
    (sequence.seed_lstm, _sessions((1, 5), (7, 0), (7, 50), (10_000, 5)), [Size(3, 4), Size(1, 0)]),
    (sequence.seed_lstm_step, _sessions((1, 5), (7, 0), (50, 50)), [Size(3, 4), Size(1, 0)]),
    (sequence.lstm_last_dot, _sessions((1, 1), (7, 0), (7, 50), (10_000, 5)), [Size(3, 4), Size(1, 0)]),
    (sequence.gru, _sessions((1, 5), (7, 0), (7, 50), (10_000, 5)), [Size(3, 4), Size(1, 0)]),
    (sequence.self_attention, _sessions((1, 1), (7, 0), (7, 50), (10_000, 5)), [Size(3, 4), Size(1, 0)]),
    (sequence.din, _sessions((1, 1), (7, 0), (7, 5), (200, 50)), [Size(3, 4), Size(1, 0)]),
    (sequence.fixed_session, _sessions((1, 20), (7, 0), (7, 3), (200, 50)), [Size(3, 4), Size(1, 0)]),
    (rows.two_towers, _ads(1, 7, 10_000), [Size(3), Size(1)]),
    (rows.mlp_expand_concat, _ads(1, 7, 200, 10_000), [Size(3), Size(1)]),
    (rows.mlp_expand_concat_fixed, _ads(200), [Size(200)]),
    (rows.int8_embeddings, _sessions((1, 1), (7, 0), (1_000, 50)), [Size(3, 4), Size(1, 0)]),
    (rows.int8_gather_first, _sessions((1, 1), (7, 0), (1_000, 50)), [Size(3, 4), Size(1, 0)]),
    (rows.pair_logit, _ads(1, 7, 1_000), [Size(3), Size(1)]),
    (rows.scores_n1, _ads(1, 7, 1_000), [Size(3), Size(1)]),
    (
        rows.content,
        [*_ads(1, 7, 1_000), ("7 ads, content vectors 64 wide", Size(7, width=64))],
        [Size(3), Size(1)],
    ),
]


def _remove_last():
    """Removes what the last run wrote, so that no file outlives its case."""
    index = VECTORS / "index.json"
    if index.exists():
        last = json.loads(index.read_text(encoding="utf-8"))
        for name in last["run"] + [entry["name"] for entry in last["refuse"]]:
            for suffix in ("onnx", "json", "bin"):
                (VECTORS / f"{name}.{suffix}").unlink(missing_ok=True)


def main():
    VECTORS.mkdir(exist_ok=True)
    _remove_last()

    for build, runs, golden in CASES:
        name = build.__name__
        model = build(Graph(name, vector.stream(name)))
        vector.add_golden(model, vector.stream(name + " golden"), golden)
        vector.write(VECTORS, name, build.__doc__, model, runs)
        print(f"{name}: {len(runs)} runs", flush=True)

    refused = refusals.write(VECTORS)
    vector.write_json(VECTORS / "index.json", {"run": [c[0].__name__ for c in CASES], "refuse": refused})
    print(f"{len(refused)} files that have to be refused")


if __name__ == "__main__":
    main()
