"""The cards that ship: complete in both languages, graded, and unable to contradict a plan."""

import re
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from schedules.plan.cards import CardText, Statement, faults_of_card, read_card_text
from schedules.plan.errors import ProtocolError
from schedules.plan.library import PROTOCOL_FOLDER, load_library, read_library
from schedules.plan.red_flags import FLAG_OF_KEY
from schedules.plan.vocabulary import ApproachClass, Grade, Language, Procedure

CARDS = {card.id: card for card in load_library().cards}
SUBJECTS = {
    "dressing",
    "dressing_kyphoplasty",
    "bathing",
    "constipation",
    "stairs",
    "sleep",
    "sex",
    "flying",
    "lifting_a_child",
    "refills",
    "painkillers_and_nicotine_after_fusion",
}
NAMES_THE_PLAN = {Language.en: "your plan", Language.es: "su plan"}


def text_of(*statements: str, title: str = "Title") -> CardText:
    return CardText(title, tuple(Statement(each, Grade.E) for each in statements), 0, 14)


def test_there_is_a_card_for_each_subject_in_both_languages_and_they_differ() -> None:
    assert set(CARDS) == SUBJECTS
    for card in CARDS.values():
        english, spanish = card.texts[Language.en], card.texts[Language.es]
        assert english.title != spanish.title
        for one, other in zip(english.statements, spanish.statements, strict=True):
            assert one.text != other.text
            assert (one.grade, one.sources) == (other.grade, other.sources)


def test_what_is_better_than_extrapolation_is_exactly_what_a_source_says() -> None:
    graded = {
        (card.id, each.grade.value, each.sources)
        for card in CARDS.values()
        for each in card.texts[Language.en].statements
        if each.grade is not Grade.E
    }
    assert graded == {
        ("dressing", "D", ("S52",)),
        ("dressing_kyphoplasty", "D", ("S90",)),
        ("painkillers_and_nicotine_after_fusion", "D", ("S72",)),
    }


@pytest.mark.parametrize("language", list(Language))
def test_the_only_figures_are_those_of_a_source_and_of_the_red_flags(language: Language) -> None:
    figures = {
        (card.id, tuple(re.findall(r"\d+", each.text)))
        for card in CARDS.values()
        for each in card.texts[language].statements
        if re.search(r"\d", each.text)
    }
    assert figures == {("dressing_kyphoplasty", ("24", "48")), ("constipation", ("4",))}
    assert "4 " in FLAG_OF_KEY["pain_or_constipation"].text.in_language(language)


@pytest.mark.parametrize("card_id", ["bathing", "stairs", "sleep", "sex", "flying", "lifting_a_child"])
@pytest.mark.parametrize("language", list(Language))
def test_a_card_about_what_a_plan_limits_refers_to_the_plan(card_id: str, language: Language) -> None:
    text = CARDS[card_id].texts[language]

    assert list(faults_of_card(text, language)) == []
    assert any(NAMES_THE_PLAN[language] in each.text.lower() for each in text.statements)


@pytest.mark.parametrize("language", list(Language))
def test_no_restriction_of_any_protocol_can_be_written_into_a_card_with_a_figure(language: Language) -> None:
    written = {
        f"{protocol.id} {name}": text.in_language(language).replace("{limit_lb}", "10").replace("{minutes}", "30")
        for protocol in load_library().protocols
        for name, text in protocol.texts.restrictions.items()
    }

    assert len(written) > 100
    after = {Language.en: " After 14 days.", Language.es: " Después de 14 días."}[language]
    assert [name for name, words in written.items() if not list(faults_of_card(text_of(words + after), language))] == []


@pytest.mark.parametrize(
    ("language", "words", "where"),
    [
        (Language.en, ("Lift no more than 20 pounds.",), "/statements/0/text"),
        (Language.en, ("Driving is limited.", "It ends after two weeks."), "/statements/1/text"),
        (Language.en, ("A shower is fine after a week.",), "/statements/0/text"),
        (Language.en, ("Ask us about driving.", "You may after your visit."), "/statements/1/text"),
        (Language.es, ("Puede conducir.",), "/statements/0/text"),
        (Language.es, ("No levante peso.", "Dura tres semanas."), "/statements/1/text"),
        (Language.es, ("La ducha, después de una semana.",), "/statements/0/text"),
    ],
)
def test_a_figure_or_leave_in_a_card_about_limits_is_found(
    language: Language, words: tuple[str, ...], where: str
) -> None:
    assert [fault.where for fault in faults_of_card(text_of(*words), language)] == [where]


def test_what_plans_do_not_limit_may_have_figures() -> None:
    assert not list(faults_of_card(text_of("No bowel movement for 4 days: call."), Language.en))
    assert not list(faults_of_card(text_of("Si no evacúa durante 4 días: llame."), Language.es))


def test_a_card_is_for_its_procedures_classes_and_days() -> None:
    fusion, dressing = CARDS["painkillers_and_nicotine_after_fusion"], CARDS["dressing"]
    of_open = replace(dressing, classes=frozenset({ApproachClass.open}))

    assert fusion.serves(Procedure.tlif, ApproachClass.open)
    assert fusion.serves(Procedure.acdf, None)
    assert not fusion.serves(Procedure.lumbar_microdiscectomy, ApproachClass.miss)
    assert of_open.serves(Procedure.tlif, ApproachClass.open)
    assert not of_open.serves(Procedure.tlif, ApproachClass.miss)
    assert not of_open.serves(Procedure.acdf, None)
    text = dressing.texts[Language.en]
    assert [text.covers(day) for day in (-1, 0, 14, 15)] == [False, True, True, False]
    assert not replace(text, is_shown=False).covers(0)


def test_a_text_comes_back_from_a_row_as_it_was_and_its_digest_covers_all_of_it() -> None:
    text = CARDS["dressing"].texts[Language.es]
    statement = text.statements[0]

    assert read_card_text(text.as_data()) == text
    changed = [
        replace(text, title="Otro"),
        replace(text, through_day=15),
        replace(text, is_shown=False),
        replace(text, statements=(replace(statement, grade=Grade.D), *text.statements[1:])),
    ]
    assert len({text.digest(), *(each.digest() for each in changed)}) == 1 + len(changed)


@pytest.mark.parametrize(
    ("good", "bad", "key"),
    [
        ('grade = "D"\nsources = ["S90"]', 'grade = "D"', "card[2].statement[1].sources"),
        ('sources = ["S52"]', 'sources = ["S9999"]', "card[1].statement[3].sources"),
        ("from_day = 0\nthrough_day = 42", "from_day = 43\nthrough_day = 42", "card[3].from_day"),
        ('id = "bathing"', 'id = "dressing"', "card[3].id"),
        ('["kyphoplasty"]', '["hip"]', "card[2].procedures"),
        ("wash at the sink.", "wash at the sink for 2 days.", "card[3].en.statements.0.text"),
    ],
)
def test_a_bad_card_is_refused_by_file_and_key(tmp_path: Path, good: str, bad: str, key: str) -> None:
    folder = shutil.copytree(PROTOCOL_FOLDER, tmp_path / "protocols")
    file, pins = folder / "cards.v1.toml", folder / "digests.toml"
    before = sha256(file.read_bytes()).hexdigest()
    text = file.read_text(encoding="utf-8")
    assert good in text
    file.write_text(text.replace(good, bad, 1), encoding="utf-8")
    pins.write_text(pins.read_text().replace(before, sha256(file.read_bytes()).hexdigest()))

    with pytest.raises(ProtocolError) as refused:
        read_library(folder)

    assert (refused.value.file, refused.value.key) == ("cards.v1.toml", key)
