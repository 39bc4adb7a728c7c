"""The tokenizer of the small generator: one token a word, lossless."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import CLIPTokenizer

from blender_addon.wardrobe.garments import KINDS
from diffusion_synth.prompts.from_annotation import garment_phrase
from diffusion_synth.prompts.grammar import read_grammar
from diffusion_synth.training.word_tokenizer import (
    GARMENTS,
    PATTERNS,
    make_tokenizer,
    merges_of,
    vocabulary_of,
)

LENGTH = 64


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return make_tokenizer(vocabulary_of(read_grammar()), LENGTH)


def test_every_word_is_one_token(tokenizer: CLIPTokenizer) -> None:
    words = vocabulary_of(read_grammar())
    assert len(words) > 100
    for word in words:
        begin, *said, end = tokenizer(word).input_ids
        assert len(said) == 1, word
        assert (begin, end) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    numbers = {tokenizer(word).input_ids[1] for word in words}
    assert len(numbers) == len(words)


def test_prompts_are_decoded_unchanged_and_fit(tokenizer: CLIPTokenizer) -> None:
    grammar = read_grammar()
    for number in range(200):
        prompt = grammar.draw([number])
        ids = tokenizer(prompt.inside).input_ids
        assert len(ids) <= LENGTH // 2
        said = tokenizer.decode(ids, skip_special_tokens=True)
        assert said.replace(" ", "") == prompt.inside.replace(" ", "")


def test_the_same_words_always_get_the_same_numbers(tokenizer: CLIPTokenizer) -> None:
    words = vocabulary_of(read_grammar())
    assert make_tokenizer(words[::-1], LENGTH).get_vocab() == tokenizer.get_vocab()
    wanted = [("a", "b</w>"), ("a", "b"), ("ab", "d</w>"), ("c", "ab</w>")]
    assert merges_of(["cab", "ab", "abd"]) == wanted


def test_unknown_words_are_split_into_letters(tokenizer: CLIPTokenizer) -> None:
    ids = tokenizer("Zürich xylophones!").input_ids
    assert len(ids) > 8
    assert tokenizer.decode(ids, skip_special_tokens=True).strip() == "zürich xylophones !"


def test_a_saved_tokenizer_is_the_same(tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    prompt = "a photo of a woman wearing a red t-shirt"
    assert CLIPTokenizer.from_pretrained(tmp_path)(prompt).input_ids == tokenizer(prompt).input_ids


def test_all_clothes_of_the_renderer_have_words() -> None:
    assert set(KINDS) - {"socks", "tights"} == set(GARMENTS)
    for pattern, word in (
        ("stripes", "striped"),
        ("checks", "checked"),
        ("dots", "dotted"),
        ("floral", "floral"),
    ):
        assert word in PATTERNS
        assert word in garment_phrase({"kind": "shirt", "fabric": {"pattern": pattern}})
