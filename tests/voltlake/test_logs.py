"""Logs stay bounded, and their last words are found."""

from itertools import islice
from pathlib import Path

from voltlake.stack.logs import follow, last_words, rotate, tail


def test_a_log_that_grows_too_long_is_moved_while_its_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "one.log"
    with path.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100 + b"\n")
        assert rotate(path, largest_bytes=50)
        writer.write(b"after\n")
    assert path.read_bytes() == b"after\n"
    assert (tmp_path / "one.log.1").read_bytes() == b"x" * 100 + b"\n"
    assert not rotate(path, largest_bytes=50)


def test_the_last_words_are_the_cause(tmp_path: Path) -> None:
    path = tmp_path / "one.log"
    assert last_words(path) == ""
    path.write_text("first\nthe cause\n\n  \n")
    assert last_words(path) == "the cause"
    path.write_text("ERROR cannot bind\nWARN closing\nclosed\n")
    assert last_words(path) == "ERROR cannot bind"


def test_the_last_words_are_of_this_life(tmp_path: Path) -> None:
    path = tmp_path / "one.log"
    path.write_text("ERROR of an earlier life\n")
    start = path.stat().st_size
    with path.open("a") as writer:
        writer.write("the end\n")
    assert last_words(path, start) == "the end"


def test_the_tail_of_a_long_log(tmp_path: Path) -> None:
    path = tmp_path / "one.log"
    path.write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert tail(path, 3) == ["line 99997", "line 99998", "line 99999"]


def test_following_goes_on_in_a_file_that_was_emptied(tmp_path: Path) -> None:
    path = tmp_path / "one.log"
    path.write_text("old\n")
    lines = follow(path, 10, look_s=0.001)
    assert next(lines) == "old"
    with path.open("a") as writer:
        writer.write("more\nhalf")
    assert next(lines) == "more"
    path.write_text("new\n")
    assert list(islice(lines, 1)) == ["new"]
