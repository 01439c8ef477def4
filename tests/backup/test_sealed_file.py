"""A sealed file gives back what was put in, or says that it cannot: nothing changed goes unnoticed."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.backup.errors import BackupError
from service.backup.sealed_file import FORMAT, PIECE_BYTES, read_sealed, write_sealed

KEY, OTHER_KEY = bytes(range(64, 96)), bytes(range(96, 128))
HEAD_BYTES = 41
SEALED_PIECE = PIECE_BYTES + 16


@pytest.fixture
def three_pieces(tmp_path: Path) -> Path:
    """Return a file of two full pieces and a short one."""
    file = tmp_path / "three.backup"
    write_sealed(file, KEY, [b"a" * PIECE_BYTES, b"b" * PIECE_BYTES, b"c" * 100])
    return file


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES + 7])
def test_what_was_sealed_comes_back_whatever_its_length(tmp_path: Path, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    parts = [content[at : at + 300_000] for at in range(0, size, 300_000)]

    write_sealed(tmp_path / "one", KEY, parts)

    assert b"".join(read_sealed(tmp_path / "one", KEY)) == content


def test_a_backup_is_for_its_owner_alone_and_never_takes_the_place_of_another(tmp_path: Path) -> None:
    file = tmp_path / "one"
    write_sealed(file, KEY, [b"first"])

    with pytest.raises(BackupError, match="a new file"):
        write_sealed(file, KEY, [b"second"])

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"".join(read_sealed(file, KEY)) == b"first"
    assert [each.name for each in tmp_path.iterdir()] == ["one"]


def test_a_backup_that_fails_on_its_way_leaves_no_file(tmp_path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield b"x" * 3 * PIECE_BYTES
        raise BackupError("pg_dump did not come to its end")

    with pytest.raises(BackupError, match="pg_dump"):
        write_sealed(tmp_path / "one", KEY, failing())

    assert list(tmp_path.iterdir()) == []


def test_the_plain_content_is_nowhere_in_the_file(tmp_path: Path) -> None:
    write_sealed(tmp_path / "one", KEY, [b"Alex Sample, born 1980-05-17"])

    assert b"Sample" not in (tmp_path / "one").read_bytes()


def test_two_backups_of_the_same_content_have_no_piece_in_common(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_sealed(tmp_path / name, KEY, [b"a" * 1000])

    one, two = ((tmp_path / name).read_bytes()[17:] for name in ("one", "two"))

    assert one[:24] != two[:24]
    assert one[24:] != two[24:]


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(HEAD_BYTES + SEALED_PIECE, id="after the first piece"),
        pytest.param(HEAD_BYTES + 2 * SEALED_PIECE, id="after the second piece"),
        pytest.param(-1, id="a byte before its end"),
        pytest.param(HEAD_BYTES + 10, id="within the first piece"),
        pytest.param(HEAD_BYTES, id="after its head"),
    ],
)
def test_a_file_that_was_cut_off_is_noticed(three_pieces: Path, kept: int) -> None:
    three_pieces.write_bytes(three_pieces.read_bytes()[:kept])

    with pytest.raises(BackupError, match="changed or cut off"):
        list(read_sealed(three_pieces, KEY))


@pytest.mark.parametrize("at", [HEAD_BYTES, HEAD_BYTES + SEALED_PIECE + 5, -1, -17, 20])
def test_one_changed_bit_is_noticed(three_pieces: Path, at: int) -> None:
    content = bytearray(three_pieces.read_bytes())
    content[at] ^= 4
    three_pieces.write_bytes(content)

    with pytest.raises(BackupError):
        list(read_sealed(three_pieces, KEY))


def test_pieces_that_were_swapped_left_out_or_added_are_noticed(three_pieces: Path) -> None:
    whole = three_pieces.read_bytes()
    head, first, second, last = (
        whole[:HEAD_BYTES],
        whole[HEAD_BYTES : HEAD_BYTES + SEALED_PIECE],
        whole[HEAD_BYTES + SEALED_PIECE : HEAD_BYTES + 2 * SEALED_PIECE],
        whole[HEAD_BYTES + 2 * SEALED_PIECE :],
    )

    for pieces in ([second, first, last], [first, last], [first, second, last, last], [first, second, second, last]):
        three_pieces.write_bytes(head + b"".join(pieces))
        with pytest.raises(BackupError, match="changed or cut off"):
            list(read_sealed(three_pieces, KEY))


def test_another_key_another_version_and_another_file_are_told_apart(three_pieces: Path) -> None:
    whole = three_pieces.read_bytes()

    def refusal(content: bytes, key: bytes = KEY) -> str:
        three_pieces.write_bytes(content)
        with pytest.raises(BackupError) as refused:
            list(read_sealed(three_pieces, key))
        return str(refused.value)

    assert "made with another key" in refusal(whole, OTHER_KEY)
    assert f"got format {FORMAT + 1}" in refusal(whole[:16] + bytes([FORMAT + 1]) + whole[17:])
    assert "got another file" in refusal(b"SQLite format 3\0" + whole[16:])
    assert "got another file" in refusal(b"")
