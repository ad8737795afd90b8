"""Tar archives: members found by their headers, and archives that are refused."""

import tarfile

import pytest

from cu_jax.data.published.archives import Region, find_members, members


@pytest.fixture
def archive(tmp_path, tiny_archives):
    def write(files, cut=None):
        path = tmp_path / "some.tar"
        path.write_bytes(tiny_archives.tar_bytes(files)[:cut])
        return path

    return write


def link(name, kind, target="a"):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def test_members_and_their_bytes(archive, tmp_path, tiny_archives):
    folder = link("d", tarfile.DIRTYPE)
    # The long name takes a header of its own.
    long = "d/" + 150 * "x"
    path = archive({"d": folder, "./d/a": b"one", "d/._a": b"hidden", long: b"", "b": 600 * b"2"})
    whole = path.read_bytes()
    found = {n: whole[at : at + size] for n, (at, size) in members(path)}
    assert found == {"d/a": b"one", long: b"", "b": 600 * b"2"}


def test_an_archive_inside_an_archive(archive, tiny_archives):
    path = archive({"x": b"1", "inner.tar": tiny_archives.tar_bytes({"y": b"three"})})
    inner = dict(members(path))["inner.tar"]
    ((name, (offset, size)),) = members(path, inner)
    assert name == "y" and path.read_bytes()[offset : offset + size] == b"three"


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("../a", tarfile.REGTYPE, "lies outside the archive's own folder"),
        ("d/../../a", tarfile.REGTYPE, "lies outside the archive's own folder"),
        ("/etc/a", tarfile.REGTYPE, "lies outside the archive's own folder"),
        ("..\\a", tarfile.REGTYPE, "lies outside the archive's own folder"),
        ("a", tarfile.SYMTYPE, "is a link"),
        ("a", tarfile.LNKTYPE, "is a link"),
        ("a", tarfile.FIFOTYPE, "is no plain file"),
    ],
)
def test_hostile_members_are_refused(archive, name, kind, told):
    path = archive({"good": b"1", name: link(name, kind)})
    with pytest.raises(ValueError) as error:
        list(members(path))
    assert str(path) in str(error.value) and repr(name) in str(error.value)
    assert told in str(error.value)


def test_archives_that_are_cut_short_are_refused(archive):
    files = {"a": 700 * b"1", "b": 700 * b"2"}
    # A header and two blocks of data each: within data, and within the second header.
    for cut in (600, 1400, 1536 + 100, 1536 + 600):
        with pytest.raises(ValueError, match=r"some\.tar must be a whole tar archive and is"):
            list(members(archive(files, cut)))
    assert [name for name, _ in members(archive(files, 3072))] == ["a", "b"]


@pytest.mark.parametrize("content", [b"", b"no archive at all", bytes(range(256)) * 8])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.tar"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.tar must be a whole tar archive and is not one"):
        list(members(path))


def test_a_damaged_header_is_not_the_end(archive):
    path = archive({"a": b"1", "b": b"2"})
    damaged = bytearray(path.read_bytes())
    damaged[1024] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match="is damaged at byte 1,024"):
        list(members(path))


def test_looking_members_up(archive, capsys):
    path = archive({f"{number}": bytes(number) for number in range(20)})
    assert find_members(path, {"3", "0"}, "numbers") == {"0": Region(512, 0), "3": Region(3072, 3)}
    assert "Looking through some.tar: 0 of 0 MB, done in " in capsys.readouterr().err
    with pytest.raises(ValueError) as error:
        find_members(path, {"3", "x", "y"}, "20 numbers")
    assert str(error.value) == (
        f"{path} must have all 20 numbers, and x is not in it (nor are 1 more): get it anew."
    )
