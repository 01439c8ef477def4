"""Which protocol serves whom, and that released files stay as they were released."""

import hashlib
import shutil
from pathlib import Path

import pytest

from schedules.plan.errors import PlanError, ProtocolError
from schedules.plan.library import PROTOCOL_FOLDER, approach_class_of, load_library, read_library
from schedules.plan.protocol import LowBoneDensityLimit, OptionalImaging
from schedules.plan.vocabulary import Approach, ApproachClass, Grade, Procedure, ProtocolStatus
from tests.unit.plan.samples import PROTOCOL_IDS, protocol

MISS, OPEN = ApproachClass.miss, ApproachClass.open


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the protocols that a test may spoil."""
    return shutil.copytree(PROTOCOL_FOLDER, tmp_path / "protocols")


def test_all_fourteen_protocols_ship_as_drafts() -> None:
    protocols = load_library().protocols

    assert sorted(item.id for item in protocols) == sorted(PROTOCOL_IDS)
    assert {item.status for item in protocols} == {ProtocolStatus.draft}
    assert len(load_library().sources) == 152


@pytest.mark.parametrize(
    ("procedure", "approach", "levels", "expected"),
    [
        ("lumbar_microdiscectomy", "tubular", 1, "MD-MISS"),
        ("lumbar_microdiscectomy", "endoscopic", 2, "MD-MISS"),
        ("lumbar_microdiscectomy", "microscopic_midline", 1, "MD-OPEN"),
        ("lumbar_microdiscectomy", "open", 1, "MD-OPEN"),
        ("lumbar_laminectomy", "tubular", 3, "LAM-MISS"),
        ("lumbar_laminectomy", "microscopic_midline", 1, "LAM-OPEN"),
        ("tlif", "endoscopic", 1, "TLIF-MISS"),
        ("tlif", "open", 1, "TLIF-OPEN"),
        ("alif", "mini_open", 2, "ALIF-MISS"),
        ("llif", "mini_open", 1, "LLIF-MISS"),
        ("intracept", "percutaneous", 3, "INTRACEPT"),
        ("kyphoplasty", "percutaneous", 1, "KYPHO"),
        ("acdf", "anterior", 1, "ACDF-1"),
        ("acdf", "anterior", 2, "ACDF-2+"),
        ("acdf", "anterior", 4, "ACDF-2+"),
        ("posterior_cervical_foraminotomy", "tubular", 1, "PCF-MISS"),
        ("posterior_cervical_foraminotomy", "open", 2, "PC-OPEN"),
    ],
)
def test_procedure_approach_and_levels_find_their_protocol(
    procedure: str, approach: str, levels: int, expected: str
) -> None:
    found = load_library().select(Procedure(procedure), Approach(approach), None, levels)

    assert found.id == expected


@pytest.mark.parametrize(
    ("approach", "approach_class", "expected"),
    [("microscopic_midline", MISS, "MD-MISS"), ("tubular", OPEN, "MD-OPEN"), ("tubular", MISS, "MD-MISS")],
)
def test_a_surgeon_may_override_the_class_where_the_procedure_has_both(
    approach: str, approach_class: ApproachClass, expected: str
) -> None:
    found = load_library().select(Procedure.lumbar_microdiscectomy, Approach(approach), approach_class, 1)

    assert found.id == expected


@pytest.mark.parametrize(
    ("procedure", "approach", "approach_class", "levels", "where", "expected", "got"),
    [
        ("intracept", "open", None, 1, "approach", "one of percutaneous", "'open'"),
        ("intracept", "percutaneous", OPEN, 1, "approach_class", "miss, the only choice for intracept", "'open'"),
        ("kyphoplasty", "percutaneous", OPEN, 1, "approach_class", "miss, the only choice for kyphoplasty", "'open'"),
        ("acdf", "anterior", MISS, 1, "approach_class", "no class, the only choice for acdf", "'miss'"),
        ("acdf", "anterior", OPEN, 2, "approach_class", "no class, the only choice for acdf", "'open'"),
        ("acdf", "open", None, 1, "approach", "one of anterior", "'open'"),
        ("alif", "mini_open", OPEN, 1, "approach_class", "miss, the only choice for alif", "'open'"),
        ("llif", "open", None, 1, "approach", "one of mini_open", "'open'"),
        ("tlif", "mini_open", None, 1, "approach", "one of endoscopic, open, tubular", "'mini_open'"),
        ("tlif", "open", None, 0, "levels", "at least 1", "0"),
    ],
)
def test_a_choice_that_the_procedure_does_not_have_is_refused(
    *,
    procedure: str,
    approach: str,
    approach_class: ApproachClass | None,
    levels: int,
    where: str,
    expected: str,
    got: str,
) -> None:
    with pytest.raises(PlanError) as refused:
        load_library().select(Procedure(procedure), Approach(approach), approach_class, levels)

    assert (refused.value.where, refused.value.expected, refused.value.got) == (where, expected, got)


def test_the_class_follows_from_the_approach() -> None:
    lumbar = {
        item: approach_class_of(Procedure.lumbar_microdiscectomy, item) for item in Approach if item != "mini_open"
    }

    assert lumbar == {
        Approach.percutaneous: MISS,
        Approach.endoscopic: MISS,
        Approach.tubular: MISS,
        Approach.microscopic_midline: OPEN,
        Approach.open: OPEN,
        Approach.anterior: None,
    }
    assert approach_class_of(Procedure.alif, Approach.mini_open) is MISS
    with pytest.raises(PlanError, match="mini_open for alif or llif only"):
        approach_class_of(Procedure.tlif, Approach.mini_open)


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(PlanError) as refused:
        load_library().protocol("MD-MISS", 2)

    said = (refused.value.where, refused.value.expected, refused.value.got)
    assert said == ("protocol", "the id and version of a protocol", "'MD-MISS', version 2")


def test_every_file_that_ships_is_pinned_by_its_digest(folder: Path) -> None:
    for path in sorted(folder.glob("*.toml")):
        if path.name == "digests.toml":
            continue
        original = path.read_bytes()
        path.write_bytes(original + b"\n")
        with pytest.raises(ProtocolError) as refused:
            read_library(folder)
        path.write_bytes(original)

        assert refused.value.file == path.name
        assert refused.value.expected == "the released bytes; a change needs a new version"


def test_a_released_file_that_is_missing_is_named(folder: Path) -> None:
    (folder / "tlif.open.v1.toml").unlink()

    with pytest.raises(ProtocolError, match=r"tlif.open.v1.toml: \(file\): expected a released file, got no file"):
        read_library(folder)


def test_a_file_that_was_never_released_is_refused(folder: Path) -> None:
    shutil.copy(folder / "tlif.open.v1.toml", folder / "tlif.open.v2.toml")

    with pytest.raises(ProtocolError, match=r"digests.toml: sha256.tlif.open.v2.toml: expected a text, got nothing"):
        read_library(folder)


def test_two_released_files_of_one_id_and_version_are_refused(folder: Path) -> None:
    pins = folder / "digests.toml"
    (of_first,) = (line for line in pins.read_text().splitlines() if line.startswith('"tlif.open.v1.toml"'))
    shutil.copy(folder / "tlif.open.v1.toml", folder / "tlif.doubled.v1.toml")
    pins.write_text(pins.read_text() + of_first.replace("open", "doubled") + "\n")

    with pytest.raises(ProtocolError) as refused:
        read_library(folder)

    assert (refused.value.file, refused.value.key) == ("protocols", "id")
    assert (refused.value.expected, refused.value.got) == ("each id and version once", "'TLIF-OPEN'")


def test_a_bad_bibliography_is_refused_by_its_name(folder: Path) -> None:
    bibliography, pins = folder / "sources.toml", folder / "digests.toml"
    pinned = hashlib.sha256(bibliography.read_bytes()).hexdigest()
    bibliography.write_text(bibliography.read_text().replace('"S02"', '"S01"', 1))
    changed = hashlib.sha256(bibliography.read_bytes()).hexdigest()
    pins.write_text(pins.read_text().replace(pinned, changed))

    with pytest.raises(ProtocolError) as refused:
        read_library(folder)

    assert (refused.value.file, refused.value.key) == ("sources.toml", "source[2].id")


def test_every_part_of_a_protocol_is_read_as_it_is_written(folder: Path) -> None:
    library = read_library(folder)

    disc, fusion, vertebra = (library.protocol(name, 1) for name in ("MD-MISS", "TLIF-MISS", "KYPHO"))
    assert disc.digest == "40caf9bb650eeebc5dc15314bdaaaf59f2a369132a1353620df8bbff0ba0235f"
    assert disc.work.sources == ("S107", "S106")
    assert vertebra.low_bone_density == LowBoneDensityLimit(42, 10, Grade.E, ("S87",))
    assert fusion.optional_imaging[0] == OptionalImaging("X-ray", 14, ())
    assert fusion.optional_imaging[2].sources == ("S45",)
    templates = [disc.find_milestone(key) for key in ("education", "drive", "brace_wean", "prom_6wk")]
    assert [(each.phase.value, each.grade) for each in templates if each is not None] == [
        ("before_surgery", Grade.E),
        ("after_surgery", Grade.B),
        ("after_surgery", None),
        ("after_surgery", Grade.E),
    ]


def test_what_was_read_is_kept_with_the_text_of_each_file(folder: Path) -> None:
    library = read_library(folder)

    assert library.files["TLIF-OPEN", 1] == (folder / "tlif.open.v1.toml").read_text()
    assert library.sources["S56"] is library.shelf.sources["S56"]
    assert library.sources["S56"].id == "S56"
    assert library.protocol("TLIF-OPEN", 1).work.sources == library.shelf.work["work_classes.v1.toml"].sources != ()


def test_the_digest_covers_the_shared_files_and_tells_protocols_apart() -> None:
    digests = [item.digest for item in load_library().protocols]

    assert len(set(digests)) == 14
    assert protocol("MD-MISS").digest == "40caf9bb650eeebc5dc15314bdaaaf59f2a369132a1353620df8bbff0ba0235f"
