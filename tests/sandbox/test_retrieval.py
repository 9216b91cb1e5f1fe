import sqlite3
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unichat.sandbox import Library, SandboxError
from unichat.sandbox import retrieval as retrieval_module
from unichat.sandbox.answers import UNKNOWN, split_for_stream
from unichat.sandbox.documents import Document, read_documents
from unichat.sandbox.passages import FENCE_LENGTH, USUAL_LENGTH, split_into_passages
from unichat.sandbox.words import question_words

from .conftest import MANUAL


@pytest.fixture(scope="module")
def library():
    library = Library([Document(name, text) for name, text in sorted(MANUAL.items())])
    yield library
    library.close()


def answer(library, question, *earlier, documents=None):
    return library.answer(
        question, earlier, source_url=lambda passage: f"http://docs/{passage.path}", documents=documents
    )


# Passages


def test_a_document_is_cut_at_its_headings():
    passages = split_into_passages(Document("guide.md", MANUAL["guide.md"]))
    assert [(passage.title, passage.path) for passage in passages] == [
        ("Guide", "guide.md#guide"),
        ("Guide › Retries", "guide.md#retries"),
        ("Guide › Descaling", "guide.md#descaling"),
    ]
    assert "# not a heading\n\ngizmo.brew()\n```" in passages[1].text


def test_text_before_the_first_heading_is_named_by_its_file():
    (passage,) = split_into_passages(Document("a.md", "only text"))
    assert (passage.title, passage.path) == ("a.md", "a.md")


def test_equal_headings_have_different_anchors():
    passages = split_into_passages(Document("a.md", "# A `b`\n\none\n\n# A `b`\n\ntwo\n\n# !\n\nthree"))
    assert [passage.anchor for passage in passages] == ["a-b", "a-b-1", "section"]


def test_tables_of_contents_and_passages_without_words_are_left_out():
    assert split_into_passages(Document("a.md", "# A\n\n```{toctree}\nretries\n```\n\n---\n\n***\n")) == ()


def test_a_heading_over_two_lines_is_one_title():
    assert split_into_passages(Document("a.md", "One\ntwo\n===\n\ntext"))[0].title == "One two"


def test_a_long_section_is_cut_between_blocks():
    text = "# A\n\n" + "\n\n".join(f"Paragraph {number} " + "word " * 60 for number in range(12))
    passages = split_into_passages(Document("a.md", text))
    assert len(passages) > 1
    assert all(len(passage.text) <= USUAL_LENGTH + 10 for passage in passages)
    assert {passage.path for passage in passages} == {"a.md#a"}


def test_a_long_code_fence_stays_whole():
    fence = "```\n" + "x = 1  # comment\n" * 120 + "```"
    assert USUAL_LENGTH < len(fence) < FENCE_LENGTH
    passages = split_into_passages(Document("a.md", f"# A\n\nbefore\n\n{fence}\n\nafter"))
    assert [passage.text for passage in passages] == ["before", fence, "after"]


def test_an_enormous_code_fence_becomes_several_fences():
    fence = "```python\n" + "x = 1  # comment\n" * 1000 + "```"
    passages = split_into_passages(Document("a.md", f"# A\n\n{fence}"))
    assert len(passages) > 3
    for passage in passages:
        assert passage.text.startswith("```python\n")
        assert passage.text.endswith("\n```")
        assert len(passage.text) < FENCE_LENGTH + 50


def test_a_fence_inside_a_long_list_is_not_cut():
    item = "- item " + "word " * 50 + "\n\n  ```\n" + "  code\n" * 40 + "  ```\n"
    passages = split_into_passages(Document("a.md", "# A\n\n" + item * 6))
    assert len(passages) > 1
    assert all(passage.text.count("```") % 2 == 0 for passage in passages)


def test_an_endless_line_is_cut():
    passages = split_into_passages(Document("a.md", "word " * 10_000))
    assert all(len(passage.text) <= 2 * FENCE_LENGTH for passage in passages)


@given(st.text(alphabet=st.sampled_from("#-`>*[]() ab\n\t1.~\u2028\x0b"), max_size=200))
def test_any_markdown_can_be_cut(text):
    for passage in split_into_passages(Document("a.md", text)):
        assert passage.text
        assert passage.document == "a.md"


# Retrieval


def test_a_question_finds_the_passage_that_answers_it(library):
    found = answer(library, "How do I configure the retries?")
    assert not found.uncertain
    assert found.passages[0].path == "guide.md#retries"
    assert "[Guide › Retries](http://docs/guide.md#retries)" in found.text
    assert "> Retries are configured with the option `attempts`." in found.text
    assert "> gizmo = Gizmo(attempts=3)" in found.text


def test_words_are_found_in_other_forms(library):
    assert answer(library, "configuring a retry").passages[0].path == "guide.md#retries"


def test_a_word_in_the_title_counts_more_than_one_in_the_text(library):
    library = Library([Document("a.md", "# Teapots\n\nOf clay.\n\n# Cups\n\nCups go with teapots, old teapots.")])
    assert [passage.title for passage in library.index.search("teapots")] == ["Teapots", "Cups"]
    library.close()


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "Who won the world cup?",
        "boiler of the Titanic and its captain's dog",
        "And how do I change that?",
        "",
        "???",
        '"" OR NEAR(',
    ],
)
def test_a_question_that_the_documents_do_not_answer_is_not_answered(library, question):
    found = answer(library, question)
    assert found.uncertain
    assert found.passages == ()
    assert found.text == UNKNOWN


def test_a_follow_up_is_understood_in_its_thread_only(library):
    follow_up = "And how do I change that?"
    assert answer(library, follow_up).uncertain
    assert answer(library, follow_up, "How are retries configured?").passages[0].path == "guide.md#retries"
    assert answer(library, follow_up, "What about descaling?").passages[0].path == "guide.md#descaling"


def test_the_latest_question_counts_most_in_a_follow_up(library):
    found = answer(library, "Tell me more", "How are retries configured?", "When is the OverheatError raised?")
    assert found.passages[0].path == "reference/errors.md#overheaterror"


def test_a_follow_up_may_follow_a_follow_up(library):
    found = answer(library, "And then?", "How are retries configured?", "How do I change that?")
    assert found.passages[0].path == "guide.md#retries"


def test_a_new_subject_in_a_thread_is_not_answered_from_the_old_one(library):
    assert answer(library, "And what is the capital of France?", "How are retries configured?").uncertain


def test_a_question_that_stands_alone_does_not_need_its_thread(library):
    found = answer(library, "How do I descale the boiler?", "How are retries configured?")
    assert [passage.path for passage in found.passages] == ["guide.md#descaling"]


def test_documents_can_be_restricted(library):
    assert answer(library, "How are retries configured?", documents=["reference/errors.md"]).uncertain
    assert library.index.search("boiler", ["guide.md"])[0].document == "guide.md"


def test_a_search_finds_every_passage_with_a_word_of_the_query(library):
    assert {passage.document for passage in library.index.search("boiler zebra")} == {
        "guide.md",
        "reference/errors.md",
    }
    assert len(library.index.search("boiler", limit=1)) == 1
    assert library.index.search("the") != []
    assert library.index.search("zebra") == []


def test_several_passages_are_quoted_if_they_fit_equally_well():
    text = "\n\n".join(f"# Kettle {name}\n\nThe kettle called {name} whistles." for name in ("Ada", "Bo", "Cy", "Di"))
    library = Library([Document("a.md", text)])
    found = answer(library, "which kettle whistles")
    assert len(found.passages) == 3
    assert "It also says, under [Kettle" in found.text
    assert "See also [Kettle" in found.text
    library.close()


def test_a_long_passage_is_quoted_in_part_but_no_fence_is_cut():
    text = (
        "# Kettle\n\n"
        + "The kettle whistles. " * 20
        + "\n\n\n~~~\ncode\n\nmore\n~~~\n\n"
        + "\n\n".join(["Kettle " * 40] * 3)
    )
    library = Library([Document("a.md", text)])
    quoted = answer(library, "kettle whistles").text
    assert "\n> …" in quoted
    assert "> ~~~\n> code\n>\n> more\n> ~~~" in quoted
    library.close()


def test_a_title_cannot_break_the_link_that_names_it():
    library = Library([Document("a.md", "# A [b](c) \\* kettle\n\nThe kettle whistles.")])
    assert "[A b \\* kettle](http://docs/a.md#a-b-kettle)" in answer(library, "kettle whistles").text
    library.close()


def test_a_long_question_needs_fewer_of_its_words(library):
    story = "My machine stood in Grandmother's kitchen near Hamburg, then OverheatError, boiler hot, cool down: " * 2
    assert answer(library, story).passages[0].path == "reference/errors.md#overheaterror"


@given(question=st.text(max_size=60), earlier=st.lists(st.text(max_size=30), max_size=4))
def test_any_text_can_be_searched(library, question, earlier):
    found = answer(library, question, *earlier)
    assert found.uncertain == (found.passages == ())
    library.index.search(question)


@given(st.text(alphabet=st.sampled_from("\"'*():^-+{}\0 ANDORNEARboiler_"), max_size=40))
def test_operators_of_the_query_language_are_plain_words(library, question):
    library.index.search(question)
    answer(library, question)


def test_question_words_are_not_subject_words():
    words = question_words("How do I change the clear_history of StaleThread, please?")
    assert list(words) == ["clear", "history", "stalethread"]


def test_a_sqlite_without_fts5_says_so(monkeypatch):
    class WithoutFts5(sqlite3.Connection):
        def execute(self, *arguments):
            raise sqlite3.OperationalError("no such module: fts5")

    connect = sqlite3.connect
    monkeypatch.setattr(
        retrieval_module.sqlite3, "connect", lambda *given, **options: connect(*given, **options, factory=WithoutFts5)
    )
    with pytest.raises(SandboxError, match="FTS5, which this Python's SQLite"):
        Library([])


# Languages

LANGUAGES = Path(__file__).parent / "languages"


@pytest.fixture(scope="module")
def languages():
    library = Library(read_documents(LANGUAGES))
    yield library
    library.close()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("如何给水壶除垢？", "水壶 › 除垢"),
        ("怎么清洗水壶的水垢", "水壶 › 除垢"),
        ("水壶的保修期是多久？", "水壶 › 保修"),
        ("Python怎么安装", "水壶 › 安装"),
        ("怎样用python安装驱动", "水壶 › 安装"),
        ("保修", "水壶 › 保修"),
        ("醋", "水壶 › 除垢"),
        ("面包屑盘多久清空一次？", "烤面包机"),
        ("請問咖啡機的濾網怎麼清潔？", "咖啡機 › 清潔"),
        ("E42是什麼意思", "咖啡機 › 錯誤代碼"),
        ("ケトルの水垢を取るにはどうすればいいですか？", "ケトル › 水垢の除去"),
        ("ケトルの保証期間はどのくらいですか？", "ケトル › 保証"),
        ("USBケーブルはどこに接続しますか", "ケトル › パソコンとの接続"),
        ("ｹﾄﾙの保証", "ケトル › 保証"),
        ("ฉันจะขจัดตะกรันในกาต้มน้ำได้อย่างไร", "กาต้มน้ำ › การขจัดตะกรัน"),
        ("กาต้มน้ำรับประกันกี่ปี", "กาต้มน้ำ › การรับประกัน"),
        ("เทเศษขนมปังเมื่อไร", "กาต้มน้ำ › เครื่องปิ้งขนมปัง"),
        ("Làm thế nào để tẩy cặn ấm đun nước?", "Ấm đun nước › Tẩy cặn"),
        ("Ấm đun nước được bảo hành bao lâu?", "Ấm đun nước › Bảo hành"),
        ("bao hanh am dun nuoc", "Ấm đun nước › Bảo hành"),
        ("Khi nào đổ khay vụn bánh?", "Ấm đun nước › Máy nướng bánh mì"),
        ("주전자 석회를 어떻게 제거하나요?", "주전자 › 석회 제거"),
        ("보증 기간은 얼마나 되나요?", "주전자 › 보증"),
        ("bouilloire detartrage", "Bouilloire › Détartrage"),
        ("केतली को कैसे साफ करें", "केतली › सफाई"),
    ],
)
def test_a_question_in_its_language_finds_the_passage_that_answers_it(languages, question, title, form):
    found = answer(languages, unicodedata.normalize(form, question))
    assert not found.uncertain
    assert found.passages[0].title == title


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(
    "question",
    [
        "法国的首都在哪里？",
        "谁赢得了世界杯？",
        "北京的天气怎么样",
        "什么是区块链",
        "フランスの首都はどこですか？",
        "ワールドカップで優勝したのは誰ですか",
        "เมืองหลวงของฝรั่งเศสคืออะไร",
        "ใครชนะฟุตบอลโลก",
        "Thủ đô của nước Pháp là gì?",
        "프랑스의 수도는 어디인가요?",
        "Quelle est la capitale de la France ?",
    ],
)
def test_a_question_that_no_language_answers_is_not_answered(languages, question, form):
    assert answer(languages, unicodedata.normalize(form, question)).uncertain


def test_a_document_with_decomposed_accents_is_found_by_composed_ones():
    text = unicodedata.normalize("NFD", "".join(document.text for document in read_documents(LANGUAGES)))
    library = Library([Document("a.md", text)])
    assert answer(library, "bouilloire détartrage").passages[0].anchor
    assert not answer(library, "Tẩy cặn ấm đun nước").uncertain
    library.close()


def test_text_in_html_is_found():
    html = "# Kettle\n\n<div>\n<p>Descale it with <b>vinegar</b>.</p>\n</div>\n\n<!-- never mind the teapot -->\n"
    library = Library([Document("a.md", html)])
    assert "> Descale it with vinegar." in answer(library, "descale with vinegar").text
    assert answer(library, "teapot").uncertain
    library.close()


def test_a_page_is_found_by_the_title_of_its_front_matter():
    library = Library([Document("a.md", "Descale it.\n\n## Warranty\n\nTwo years.\n", "Kettle")])
    found = answer(library, "descale the kettle").passages[0]
    assert (found.title, found.path) == ("Kettle", "a.md")
    assert answer(library, "warranty of the kettle").passages[0].title == "Kettle › Warranty"
    library.close()


def test_a_title_of_front_matter_that_the_page_repeats_is_named_once():
    for text in ("# Kettle\n\nIt boils.\n", "## Kettle\n\nIt boils.\n", "# The kettle\n\nIt boils.\n"):
        assert " › " not in split_into_passages(Document("a.md", text, "Kettle"))[0].title


# Pieces


@given(st.text())
def test_pieces_joined_are_the_text(text):
    assert "".join(split_for_stream(text)) == text


def test_pieces_are_of_a_few_words():
    assert split_for_stream("one two three four five") == ["one two three four ", "five"]
