"""The words of a text in any language."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat.sandbox.words import question_words, split_words, word_size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The kettle's clear_history, v2!", ["the", "kettle", "s", "clear", "history", "v2"]),
        ("Café CAFE\u0301 ｃａｆｅ", ["cafe", "cafe", "cafe"]),
        ("Straße Łódź İzmir Ærø", ["strasse", "lodz", "izmir", "aero"]),
        ("Đồng hồ", ["dong", "ho"]),
        ("केतली साफ", ["केतली", "साफ"]),
        ("שָׁלוֹם", ["שָׁלוֹם"]),
        ("水壶", ["水", "壶", "水壶"]),
        ("用Python3安装", ["用", "python3", "安", "装", "安装"]),
        ("ｹﾄﾙ", ["ケ", "ト", "ル", "ケト", "トル"]),
        ("กาต้ม", ["กาต", "าต้", "ต้ม"]),
        ("กา", ["กา"]),
        ("주전자", ["주", "전", "자", "주전", "전자"]),
        ("☕ — …", []),
    ],
)
def test_split_words_of_any_language_returns_what_is_indexed(text: str, expected: list[str]) -> None:
    assert [*split_words(text)] == [unicodedata.normalize("NFC", word) for word in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How do I descale the kettle?", ["descale", "kettle"]),
        ("Please explain", []),
        ("如何给水壶除垢？", ["给水", "水壶", "壶除", "除垢"]),
        ("水壶的保修期是多久？", ["水壶", "保修", "修期"]),
        ("醋", ["醋"]),
        ("ケトルの保証はいつまでですか", ["ケト", "トル", "ルの", "の保", "保証", "証は"]),
        ("ひらがな", ["ひら", "らが", "がな"]),
        ("Làm thế nào để tẩy cặn?", ["tay", "can"]),
        ("ทำไมกาต้ม", ["กาต", "าต้", "ต้ม"]),
    ],
)
def test_question_words_are_those_for_its_subject(text: str, expected: list[str]) -> None:
    assert [*question_words(text)] == expected


def test_question_words_of_a_search_keep_the_vague_ones() -> None:
    assert question_words("please explain the kettle", vague=False) == {"explain": 1.0, "kettle": 1.0}


@pytest.mark.parametrize(
    ("word", "size"), [("kettle", 1.0), ("केतली", 1.0), ("水壶", 0.5), ("주전", 0.5), ("กาต", 0.25)]
)
def test_word_size_of_a_part_of_text_without_spaces_is_less_than_one(word: str, size: float) -> None:
    assert word_size(word) == size


@given(st.text())
def test_words_of_decomposed_text_are_those_of_the_composed_one(text: str) -> None:
    composed, decomposed = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    assert [*split_words(composed)] == [*split_words(decomposed)]
    assert question_words(composed) == question_words(decomposed)


@given(st.text() | st.text(alphabet=st.sampled_from("水壶的吗ケトルですหม้อ주전자đế\u0301æ a1_")))
def test_words_of_a_question_are_found_in_the_same_text(text: str) -> None:
    indexed = set(split_words(text))
    for word, size in question_words(text).items():
        # Of three characters each, so that what is shorter is found only where it stands alone.
        assert word in indexed or (size == 0.25 and len(word) < 3)
        assert not any(character.isspace() or character == '"' for character in word)
