"""The mechanism of recruitment: codes that sum to at most 1, tests with proved thresholds, runs on synthetic and real streams."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import log

import numpy as np
import pytest
from flint import arb

from checks.data import DataError
from checks.recruitment_codes import (
    LEAST_SHARE,
    SHARES,
    Block,
    CodeError,
    Mixed,
    Model,
    Recent,
    Vocabulary,
    bits,
    nats,
    saved,
    spelling_nats,
)
from checks.recruitment_run import Recruiter, Token, fixed_length, recruit_stream
from checks.recruitment_tests import Ledger, LevelError, SequentialTest, level, threshold
from checks.recruitment_text import CLASSES, LEAST, classes_of, file_stream, topics_stream
from checks.verdict import FAILS, HOLDS, UNDECIDED

F = Fraction


def words_with_topics(count: int, seed: int = 0, informative: bool = True) -> list[Token]:
    """Two topics with vocabularies of their own (or, not informative, one for both), and two coins as labels."""
    rng = np.random.default_rng(seed)
    tokens = []
    for _ in range(count):
        topic = int(rng.integers(2))
        word = f"w{int(rng.integers(20)) + (20 * topic if informative else 0)}"
        coins = tuple(f"coin {index}" for index in range(2) if rng.integers(2))
        tokens.append(Token(word, (f"topic {topic}", *coins)))
    return tokens


CANDIDATES = ("coin 0", "coin 1", "topic 0", "topic 1")


@pytest.mark.parametrize("strength", [None, F(1), F(3, 2), F(40)])
def test_predictions_sum_to_at_most_one_after_every_prefix(strength):
    """Over all words seen and the escape, for a model with two overlapping blocks: what `recruitment.sequential` assumes."""
    model = Model(blocks={"a": Block(strength), "b": Block(strength)})
    for index, word in enumerate(["x", "y", "x", "z", "y", "y", "x", "w", "v", "x"]):
        labels = ("a", "b")[: index % 3]
        seen = [*model.vocabulary.counts, "a word that was never seen"]
        total = sum((F(*model.predict(candidate, labels)) for candidate in seen), F(0))
        assert total <= 1
        assert total == 1 or (index and total > F(1, 2))
        model.learn(word, labels)


def test_a_learned_token_is_predicted_better_and_the_order_matters():
    block = Block(F(1))
    before = F(*block.predict("x", (1, 2)))
    block.learn("x", (1, 2))
    assert before == F(1, 2) < F(*block.predict("x", (1, 2))) == F(3, 4)


def test_laplace_and_krichevsky_trofimov_are_blocks_over_a_uniform_base():
    for ones in product((0, 1), repeat=6):
        rule, kt = F(1), F(1)
        blocks = Block(F(2)), Block(F(1))
        for index, bit in enumerate(ones):
            laplace, half = (F(*block.predict(bit, (1, 2))) for block in blocks)
            seen = sum(x == bit for x in ones[:index])
            assert laplace == F(seen + 1, index + 2)
            assert half == F(2 * seen + 1, 2 * index + 2)
            rule, kt = rule * laplace, kt * half
            for block in blocks:
                block.learn(bit, (1, 2))
        from math import comb

        assert rule == F(1, 7 * comb(6, sum(ones)))
        assert kt > 0


def test_a_mixed_block_costs_little_where_it_knows_nothing_and_follows_where_it_does():
    """Against a base that is the law, and against a base that is not; the share stays within its limits."""
    rng = np.random.default_rng(0)
    for skewed in (False, True):
        block, lost = Mixed(), 0.0
        for _ in range(2000):
            token = 0 if skewed and rng.random() < 0.9 else int(rng.integers(8))
            lost -= log(F(*block.predict(token, (1, 8))) * 8)
            block.learn(token, (1, 8))
            assert LEAST_SHARE <= block.share <= SHARES - LEAST_SHARE
        assert lost < -1000 if skewed else 0 < lost < 20


def test_recent_forgets():
    block = Recent(window=3)
    for token in "aaab":
        block.learn(token, (1, 2))
    assert block.counts == {"a": 2, "b": 1}
    assert block.total == 3
    for token in "bb":
        block.learn(token, (1, 2))
    assert block.counts == {"b": 3}


def test_a_warm_up_delays_the_first_tests_and_nothing_else():
    tokens = words_with_topics(600)
    state = Recruiter(Ledger(F(1, 20)), CANDIDATES, warm_up=100)
    for index, token in enumerate(tokens):
        state.read(token)
        if index < 99:
            assert state.tests == {}
    assert state.recruited[0].token > 100
    assert [test.number for test in state.closed[:1]] == [1]


@pytest.mark.parametrize("bad", [F(0), F(-1)])
def test_a_block_without_a_base_is_refused(bad):
    with pytest.raises(CodeError, match="positive weight"):
        Block(bad)


def test_impossible_tokens_are_refused():
    with pytest.raises(CodeError, match="0/5"):
        saved((1, 2), (0, 5))
    with pytest.raises(CodeError, match="positive everywhere"):
        nats((-1, 5))


def test_units():
    assert bits(nats((1, 8))).contains(3)
    assert saved((1, 4), (1, 2)).overlaps(arb(2).log())
    assert float(spelling_nats(["ab", "c"])) == pytest.approx(5 * log(257))
    assert Vocabulary().predict("x") == (1, 1)


def test_thresholds_are_numbered_and_exact():
    ledger = Ledger(F(1, 20))
    first, second = ledger.begin("a"), ledger.begin("b")
    assert (first.number, second.number) == (1, 2)
    assert float(first.threshold) == pytest.approx(log(40))
    assert float(second.threshold) == pytest.approx(log(120))
    again = ledger.begin_again(["a", "b"])
    assert [test.number for test in again.values()] == [3, 4]
    total = sum((-threshold(m, F(1, 20))).exp() for m in range(1, 200))
    assert total < arb(1) / 20
    with pytest.raises(LevelError, match="numbered from 1"):
        threshold(0, F(1, 20))


@pytest.mark.parametrize("alpha", ["0", "1", "-0.5", "2", "nonsense", "1/0", float("nan"), float("inf")])
def test_levels_outside_the_unit_interval_are_refused(alpha):
    with pytest.raises(LevelError):
        level(alpha)


def test_levels_are_exact():
    assert level("0.05") == F(1, 20)
    assert level("1/7") == F(1, 7)


def test_a_test_is_crossed_when_the_ball_says_so_and_not_before():
    test = SequentialTest("x", 1, threshold(1, F(1, 2)))  # ln 4
    test.score((1, 2), (1, 1))
    assert test.crossed is FAILS
    test.score((1, 2), (1, 1))  # gain 2 ln 2 = ln 4: equal, and balls do not tell
    assert test.crossed is UNDECIDED
    test.score((1000, 1001), (1, 1))
    assert test.crossed is HOLDS
    assert test.samples == 3
    test.score((1, 1), (1, 1000))
    assert test.crossed is FAILS
    assert float(test.greatest) > log(4)


def test_informative_topics_are_recruited_and_coins_are_not():
    state = recruit_stream(words_with_topics(1500), CANDIDATES, Ledger(F(1, 20)), warm_up=300)
    assert {found.name for found in state.recruited} <= {"topic 0", "topic 1"}
    assert {found.name for found in state.recruited} >= {"topic 0"} or {found.name for found in state.recruited} >= {"topic 1"}
    for found in state.recruited:
        assert found.test.gain > found.test.threshold
    assert state.length < fixed_length(words_with_topics(1500), ())
    assert state.undecided == 0


def test_without_information_nothing_is_recruited():
    for seed in range(5):
        state = recruit_stream(words_with_topics(800, seed, informative=False), CANDIDATES, Ledger(F(1, 20)), warm_up=100)
        assert state.recruited == []
        assert state.ledger.begun == len(CANDIDATES)
        assert all(state.best_gain(name) < state.tests[name].threshold for name in state.waiting)


def test_after_a_recruitment_every_other_test_begins_anew():
    state = Recruiter(Ledger(F(1, 20)), CANDIDATES)
    found = None
    for token in words_with_topics(1500):
        found = state.read(token)
        if found is not None:
            break
    assert found is not None
    assert found.name in state.model.blocks
    assert found.name not in state.tests
    assert len(state.closed) == 3
    assert {test.samples for test in state.tests.values()} == {0}
    assert [test.number for test in state.tests.values()] == [5, 6, 7]


def test_a_run_is_the_same_again_and_its_length_is_the_sum_of_its_tokens():
    tokens = words_with_topics(400)
    first, second = (recruit_stream(tokens, CANDIDATES, Ledger(F(1, 20))) for _ in range(2))
    assert [found.token for found in first.recruited] == [found.token for found in second.recruited]
    assert first.length.overlaps(second.length)
    none = recruit_stream(tokens, (), Ledger(F(1, 20)))
    assert none.length.overlaps(fixed_length(tokens, ()))


def test_a_label_given_twice_is_refused():
    with pytest.raises(ValueError, match="counted twice"):
        Token("word", ("topic a", "topic a"))


def test_candidates_named_twice_are_refused():
    with pytest.raises(ValueError, match="once each"):
        Recruiter(Ledger(F(1, 20)), ("a", "a"))


def test_progress_is_reported():
    seen: list[int] = []
    recruit_stream(words_with_topics(2000), (), Ledger(F(1, 20)), report=lambda state: seen.append(state.tokens))
    assert seen == [1000, 2000]


def test_the_topics_stream_is_labelled_reproducible_and_limited():
    stream = topics_stream(3, 2500)
    assert stream.tokens == topics_stream(3, 2500).tokens != topics_stream(4, 2500).tokens
    assert len(stream.tokens) == 2500
    for before, token in zip(stream.tokens, stream.tokens[1:], strict=False):
        assert sum(label in stream.partition for label in token.labels) == 1
        assert set(token.labels) <= set(stream.candidates)
        if before.labels[0] == token.labels[0]:
            assert set(classes_of(before.word)) <= set(token.labels) or not any(
                label.startswith("after") for label in token.labels
            )
    assert len(set(stream.candidates)) == len(stream.candidates)
    assert all(name == name.casefold() for words in CLASSES.values() for name in words)


def test_a_file_is_read_in_parts(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("one two three four five six seven\n" * 800, encoding="utf-8")
    stream = file_stream(path)
    assert stream.partition == ("part 1", "part 2")
    assert len(stream.tokens) == 5600
    path.write_text("too short", encoding="utf-8")
    with pytest.raises(DataError, match=f"at least {LEAST} words"):
        file_stream(path)


def test_recruitment_on_real_text_shortens_the_code():
    """6,000 words of the help topics: topics and word classes are recruited, coins are not, and the code is shorter for it."""
    stream = topics_stream(0, 6000)
    state = recruit_stream(stream.tokens, stream.candidates, Ledger(F(1, 20)), warm_up=1000)
    names = [found.name for found in state.recruited]
    assert len(names) >= 3
    assert not any(name.startswith("coin") for name in names)
    assert state.length < fixed_length(stream.tokens, ())
