"""Sessions with a pattern, and what the baselines of `nearside evaluate` make of them, written the slow way.

Dictionaries and full sorts, no caching, nothing shared with the Rust code. Needs Python alone:

    python baselines.py
"""

import collections
import json
import math
import pathlib
import random

OUT = pathlib.Path(__file__).parent.parent / "vectors" / "baselines"
SEED = 20261124
ITEMS, DEPTH = 90, 20
REACH, DAMPING = 10, 20
SAMPLE, NEIGHBOURS, RARITY = 2000, 200, 0.05


def sessions(draw, count):
    """Walks that mostly go to a near item, come back now and then, and start at popular ones."""
    for _ in range(count):
        walk = [min(int(draw.expovariate(0.05)), ITEMS - 1)]
        while draw.random() < 0.75:
            chance = draw.random()
            if chance < 0.2:
                walk.append(draw.choice(walk))
            elif chance < 0.9:
                walk.append((walk[-1] + draw.choice([1, 1, 2, 3, -1])) % ITEMS)
            else:
                walk.append(draw.randrange(ITEMS))
        if len(walk) > 1:
            yield walk


class Rankers:
    def __init__(self, train):
        self.train = train
        self.steps = collections.Counter(item for s in train for item in s)
        self.sessions = collections.Counter(item for s in train for item in set(s))
        self.popular = sorted(self.steps, key=lambda item: (-self.steps[item], item))

    def filled(self, items):
        return (items + [item for item in self.popular if item not in items])[:DEPTH]

    def best(self, scores):
        return self.filled(sorted(scores, key=lambda item: (-scores[item], item))[:DEPTH])

    def popularity(self, _):
        return self.popular[:DEPTH]

    def s_pop(self, prefix):
        times = collections.Counter(prefix)
        return self.filled(sorted(times, key=lambda item: (-times[item], -self.steps[item], item))[:DEPTH])

    def markov(self, prefix):
        scores = collections.Counter()
        for s in self.train:
            scores.update(b for a, b in zip(s, s[1:]) if a == prefix[-1])
        return self.best(scores)

    def sequential_rules(self, prefix):
        scores = collections.defaultdict(float)
        for s in self.train:
            for k, item in enumerate(s):
                for distance in range(1, min(REACH, k) + 1):
                    if s[k - distance] == prefix[-1] != item:
                        scores[item] += 1 / distance
        return self.best(scores)

    def association_rules(self, prefix):
        scores = collections.Counter()
        for s in self.train:
            for i, a in enumerate(s):
                scores.update(b for j, b in enumerate(s) if i != j and a == prefix[-1])
        return self.best(scores)

    def item_knn(self, prefix):
        last = prefix[-1]
        both = collections.Counter(item for s in self.train if last in s for item in set(s) if item != last)
        size = lambda item: self.sessions[item] + DAMPING
        return self.best({item: count / math.sqrt(size(last) * size(item)) for item, count in both.items()})

    def vs_knn(self, prefix):
        weight = {item: (place + 1) / len(prefix) for place, item in enumerate(prefix)}
        holding = {item: [n for n, s in enumerate(self.train) if item in s][-SAMPLE:] for item in weight}
        candidates = sorted({n for numbers in holding.values() for n in numbers})[-SAMPLE:]
        similar = []
        for n in candidates:
            held = set(self.train[n])
            shared = math.fsum(weight[item] for item in weight if item in held)
            similar.append((shared / math.sqrt(len(held) * len(weight)), n))
        scores = collections.defaultdict(float)
        for similarity, n in sorted(similar, reverse=True)[:NEIGHBOURS]:
            held = set(self.train[n])
            back = next(back for back, item in enumerate(reversed(prefix)) if item in held)
            for item in held:
                rarity = 1 + RARITY * math.log(len(self.train) / self.sessions[item])
                scores[item] += similarity / (back + 1) * rarity
        return self.best(scores)


def figures(rank, pairs):
    places = []
    for prefix, item in pairs:
        ranking = rank(prefix)
        places.append(ranking.index(item) + 1 if item in ranking else 0)
    within = lambda depth: [place for place in places if 0 < place <= depth]
    mean = lambda gains: 100 * math.fsum(gains) / len(places)
    return {
        "recall_10": mean(1 for _ in within(10)),
        "recall_20": mean(1 for _ in within(20)),
        "mrr_10": mean(1 / place for place in within(10)),
        "mrr_20": mean(1 / place for place in within(20)),
    }


def main():
    draw = random.Random(SEED)
    train, test = list(sessions(draw, 1400)), list(sessions(draw, 140))
    # Numbers follow first appearance in training, as the command's do; what training lacks is not asked here.
    numbers = {item: n for n, item in enumerate(dict.fromkeys(item for s in train for item in s))}
    train = [[numbers[item] for item in s] for s in train]
    test = [[numbers[item] for item in s] for s in test if all(item in numbers for item in s)]
    pairs = [(s[:k], s[k]) for s in test for k in range(1, len(s))]
    rankers = Rankers(train)
    names = ["popularity", "s_pop", "markov", "sequential_rules", "association_rules", "item_knn", "vs_knn"]
    expected = {
        "origin": f"tests/reference/baselines.py, seed {SEED}, 2026-11-24",
        "pairs": len(pairs),
        "rankers": {name: figures(getattr(rankers, name), pairs) for name in names},
    }
    OUT.mkdir(parents=True, exist_ok=True)
    for name, part in [("train.txt", train), ("test.txt", test)]:
        (OUT / name).write_text("".join(" ".join(f"i{item}" for item in s) + "\n" for s in part))
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
