"""A tokenizer of whole words for the small generator, made from the words of its prompts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, cast

from transformers import CLIPTokenizer

from diffusion_synth.prompts.from_annotation import (
    COLOURS,
    HAIR,
    HAIR_COLOURS,
    LIGHTS,
    PLACES,
    POSES,
)
from diffusion_synth.prompts.grammar import SLOT, Grammar

BEGIN, END = "<|startoftext|>", "<|endoftext|>"
ARTICLES = ("a", "an", "and", "or", "with", "in", "at", "of", "over", "wearing", "photo")
GARMENTS = (
    "t-shirt", "v-neck", "tank top", "shirt", "short-sleeved shirt", "sweater", "hoodie",
    "long-sleeved top", "dress",
    "jacket", "blazer", "coat", "down jacket", "cardigan", "vest", "trousers", "jeans",
    "leggings", "joggers",
    "shorts", "skirt", "shoes", "sneakers", "boots", "beanie", "cap",
    "polo", "blouse", "turtleneck", "sweatshirt", "crop top", "scrubs top", "uniform shirt",
    "long dress", "abaya", "kaftan", "sari", "jumpsuit", "work overall", "swimsuit", "bikini top",
    "suit jacket", "denim jacket", "hooded jacket", "parka", "puffer", "puffer vest",
    "hi-vis vest", "hi-vis jacket", "dungarees", "apron", "lab coat", "chinos", "suit trousers",
    "wide trousers", "slim jeans", "cargo shorts", "mini skirt", "long skirt", "scrubs trousers",
    "uniform trousers", "hi-vis trousers", "swim shorts", "bikini bottom",
)  # fmt: skip
PATTERNS = ("striped", "checked", "dotted", "floral")
# As CLIP's own pattern: runs of letters, single digits, runs of anything else.
WORD = re.compile(r"[^\W\d_]+|\d|[^\s\w]+")


def vocabulary_of(grammar: Grammar) -> list[str]:
    """Return all words of a grammar and of renders' annotations, sorted."""
    phrases: list[str] = [
        *grammar.inside, *grammar.outside, grammar.negative,
        *(phrase for slot in grammar.slots.values() for phrase in slot),
        *COLOURS, *HAIR.values(), *HAIR_COLOURS, *LIGHTS.values(), *PLACES.values(),
        *POSES.values(),
        *ARTICLES, *GARMENTS, *PATTERNS,
    ]  # fmt: skip
    return sorted(
        {word for phrase in phrases for word in WORD.findall(SLOT.sub(" ", phrase).lower())}
    )


def make_tokenizer(words: Iterable[str], length: int) -> CLIPTokenizer:
    """Make CLIP's tokenizer with one token for each of `words`; other words are split into letters.

    Args:
        words: The vocabulary.
        length: Tokens of a prompt.
    """
    merges = merges_of(words)
    letters = list(bytes_as_letters().values())
    pieces = [
        *letters,
        *(letter + "</w>" for letter in letters),
        *("".join(merge) for merge in merges),
    ]
    vocabulary = list(dict.fromkeys([*pieces, BEGIN, END]))
    return CLIPTokenizer(
        vocab={piece: number for number, piece in enumerate(vocabulary)},
        merges=cast(Any, merges),  # annotated as text, taken as pairs
        model_max_length=length,
    )


def merges_of(words: Iterable[str]) -> list[tuple[str, str]]:
    """Return the merges of byte-pair encoding (Sennrich et al., ACL 2016) up to whole words.

    The most frequent pair comes first; equally frequent ones come in alphabetical order, so that
    the same words always get the same numbers. The order of the tokenizers library differs from
    run to run.
    """
    left = [[*word[:-1], word[-1] + "</w>"] for word in sorted(set(words))]
    merges = []
    while left := [pieces for pieces in left if len(pieces) > 1]:
        counts = Counter(pair for pieces in left for pair in pairwise(pieces))
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        left = [merged(pieces, best) for pieces in left]
    return merges


def merged(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    """Join every occurrence of `pair` in `pieces`, from the left."""
    found: list[str] = []
    for piece in pieces:
        if found and (found[-1], piece) == pair:
            found[-1] += piece
        else:
            found.append(piece)
    return found


def bytes_as_letters() -> dict[int, str]:
    """Return byte → printable letter, as the vocabularies of GPT-2 and CLIP have them."""
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {
        byte: chr(256 + n) for n, byte in enumerate(others)
    }
