"""The grammar of prompts: draws, frequencies, invalid files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffusion_synth.errors import ConfigError
from diffusion_synth.prompts.grammar import (
    DEFAULT,
    MOST_LETTERS,
    SLOT,
    Grammar,
    Prompt,
    read_grammar,
)
from tests.fuzz import fuzz_count, fuzz_settings, mutated, random_of

GRAMMAR = Grammar(
    inside={"{who} in a {colour} coat": 3, "{who}": 1},
    outside={"{who}'s {colour} street": 1},
    slots={
        "who": {"a woman": 1, "a man": 1},
        "colour": {"red": 1, "{shade} blue": 2},
        "shade": {"dark": 1},
    },
    negative="blurry",
)


@given(st.lists(st.integers(0, 2**31), min_size=1, max_size=4))
def test_the_same_numbers_draw_the_same_prompt(entropy: list[int]) -> None:
    prompt = GRAMMAR.draw(entropy)
    assert prompt == GRAMMAR.draw(entropy)
    assert not SLOT.search(prompt.inside + prompt.outside)


def test_phrases_are_drawn_as_often_as_their_weights() -> None:
    said = Counter(GRAMMAR.draw([7, number]).inside for number in range(4000))
    coats = sum(count for phrase, count in said.items() if "coat" in phrase)
    assert coats / 4000 == pytest.approx(0.75, abs=0.03)
    assert said["a woman in a dark blue coat"] / coats == pytest.approx(1 / 3, abs=0.03)


def test_a_slot_is_filled_alike_inside_and_outside() -> None:
    for number in range(50):
        prompt = GRAMMAR.draw([number])
        for who in ("a woman", "a man"):
            assert prompt.inside.startswith(who) == prompt.outside.startswith(who)


def test_known_words_fill_their_slots() -> None:
    prompt = GRAMMAR.draw([3], {"who": "my aunt", "colour": "plaid", "unheard": "of"})
    assert prompt == Prompt(prompt.inside, "my aunt's plaid street", "blurry")
    assert prompt.inside in ("my aunt in a plaid coat", "my aunt")


def test_another_slot_does_not_change_the_draws_of_the_others() -> None:
    more = Grammar(GRAMMAR.inside, GRAMMAR.outside, {**GRAMMAR.slots, "hat": {"a hat": 1}})
    assert all(more.draw([n]).inside == GRAMMAR.draw([n]).inside for n in range(30))


def test_the_bundled_grammar_is_valid() -> None:
    grammar = read_grammar()
    said = {grammar.draw([number]).inside for number in range(200)}
    assert len(said) > 150
    assert grammar.negative


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("", "inside has no phrase"),
        ('[inside]\n"a" = 1\n', "outside has no phrase"),
        ('[inside]\n"{x}" = 1\n[outside]\n"b" = 1\n', "no slot 'x'"),
        ('[inside]\n"{x" = 1\n[outside]\n"b" = 1\n', "braces"),
        ('[inside]\n"a" = -1\n[outside]\n"b" = 1\n', "weight of 'a' is -1"),
        ('[inside]\n"a" = "2"\n[outside]\n"b" = 1\n', "weight of 'a' is '2'"),
        ('[inside]\n"a" = true\n[outside]\n"b" = 1\n', "weight of 'a' is True"),
        ('[inside]\n"a" = nan\n[outside]\n"b" = 1\n', "weight of 'a' is nan"),
        ('[inside]\n"a" = 0\n[outside]\n"b" = 1\n', "all weights are 0"),
        ('[inside]\n"{x}" = 1\n[outside]\n"b" = 1\n[slots]\nx = "red"\n', "x must be a table"),
        (
            '[inside]\n"{x}" = 1\n[outside]\n"b" = 1\n[slots.x]\n"{y}" = 1\n[slots.y]\n"{x}" = 1\n',
            "x > y > x",
        ),
        ('[inside]\n"a" = 1\n[outside]\n"b" = 1\n[slots.x]\n', r"slots\.x has no phrase"),
        ('inside = 3\n[outside]\n"b" = 1\n', "inside must be a table"),
        ("negative = 3\n", "negative must be text"),
        ("[insides]\n", "'insides' is not known"),
        ("= broken", "cannot be read"),
    ],
)
def test_invalid_grammars_are_rejected_by_name(toml: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "prompts.toml"
    path.write_text(toml)
    with pytest.raises(ConfigError, match=said) as refused:
        read_grammar(path)
    assert str(path) in str(refused.value)


def test_a_missing_grammar_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_grammar(tmp_path / "none.toml")


def test_slots_that_grow_without_end_are_refused() -> None:
    """2⁴⁰ letters, 2⁴⁰ ways to walk, and a chain that is too deep."""
    chain = {f"s{n}": {"{s%d} {s%d}" % (n + 1, n + 1): 1} for n in range(20)}  # noqa: UP031
    with pytest.raises(ConfigError, match=r"longer than|nested deeper"):
        Grammar({"{s0}": 1}, {"": 1}, {**chain, "s20": {"a": 1}})
    diamond = {f"s{n}": {"{s%d}" % (n + 1): 1, "{s%d}{e}" % (n + 1): 1} for n in range(30)}  # noqa: UP031
    with pytest.raises(ConfigError, match="nested deeper"):
        Grammar({"{s0}": 1}, {"": 1}, {**diamond, "s30": {"{s31}": 1}, "s31": {"{s32}": 1},
                                       "s32": {"a": 1}, "e": {"": 1}})  # fmt: skip
    Grammar({"{s0}": 1}, {"": 1}, {**diamond, "s30": {"a": 1}, "e": {"": 1}})
    with pytest.raises(ConfigError, match="overflow"):
        Grammar({"a": 1e308, "b": 1e308}, {"": 1})


def test_grammars_of_other_content_have_other_identities() -> None:
    again = Grammar(GRAMMAR.inside, GRAMMAR.outside, GRAMMAR.slots, GRAMMAR.negative, "other name")
    assert again.identity() == GRAMMAR.identity()
    reordered = Grammar(dict(reversed(GRAMMAR.inside.items())), GRAMMAR.outside, GRAMMAR.slots)
    assert len({g.identity() for g in (GRAMMAR, reordered, read_grammar())}) == 3


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "words.toml"
    path.write_text(DEFAULT.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert read_grammar(path).identity() == read_grammar().identity()
    path.write_bytes(b"a = 1\n" * (1 << 18))
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        read_grammar(path)
    path.write_text("a = " + "[" * 100_000)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_grammar(path)


phrases = st.dictionaries(
    st.text("ab{} sx", max_size=12),
    st.integers() | st.floats() | st.booleans() | st.none() | st.text(max_size=2),
    max_size=4,
)


@fuzz_settings
@given(phrases, phrases, st.dictionaries(st.text("absx", max_size=2), phrases, max_size=3))
def test_any_grammar_draws_or_is_refused(inside: object, outside: object, slots: object) -> None:
    try:
        grammar = Grammar(inside, outside, slots)  # type: ignore[arg-type]
    except ConfigError as error:
        assert "\n" not in str(error)
    else:
        prompt = grammar.draw([1, 2])
        assert len(prompt.inside) <= MOST_LETTERS
        assert "{" not in prompt.inside + prompt.outside


@pytest.mark.fuzz
def test_mutated_files_are_read_or_refused(tmp_path: Path) -> None:
    content, path = DEFAULT.read_bytes(), tmp_path / "words.toml"
    for number in range(fuzz_count(0.5)):
        path.write_bytes(mutated(content, random_of(number)))
        try:
            read_grammar(path).draw([number])
        except ConfigError as error:
            assert str(path) in str(error)
