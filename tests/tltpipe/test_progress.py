import io

from hypothesis import given
from hypothesis import strategies as st

from tltpipe import progress
from tltpipe.progress import Tick

words = st.text("abcdefghij klm/", min_size=1).map(str.strip).filter(bool)


@given(words, st.integers(0, 10**9), st.none() | st.integers(1, 10**9), words, st.floats(0.001, 1e6))
def test_a_line_reads_back_as_the_tick_it_was(
    what: str, done: int, total: int | None, note: str, seconds: float
) -> None:
    tick = Tick(what, done, total, "images", note)
    assert progress.read(progress.line(tick, seconds)) == tick


def test_other_lines_are_not_ticks() -> None:
    for text in ("", "augment: done", "Epoch 1/80", "error: a.txt:3: images, 3/s"):
        assert progress.read(text) is None


def test_lines_show_work_that_takes_long_and_only_that() -> None:
    said: list[str] = []
    quick = progress.Lines(said.append, every=60)
    assert list(progress.track(quick, range(3), "count", total=3)) == [0, 1, 2]
    assert said == []
    slow = progress.Lines(said.append, every=0)
    list(progress.track(slow, range(2), "count", total=2))
    ticks = [progress.read(text) for text in said]
    assert [tick.done for tick in ticks if tick] == [1, 2, 2]


def test_a_pipe_gets_plain_lines() -> None:
    assert isinstance(progress.for_stream(io.StringIO()), progress.Lines)


def test_a_terminal_gets_a_bar_that_ends_full() -> None:
    stream = io.StringIO()
    list(progress.track(progress.Terminal(stream), range(5), "count", total=5))
    assert "5/5" in stream.getvalue()


def test_what_is_waited_for_is_said_in_the_work_that_waits() -> None:
    said: list[str] = []
    progress.waiting("for nobody")
    with progress.Lines(said.append, every=60).bar("augment", total=4) as bar:
        progress.waiting("waiting for a CPU")
        bar.advance(4)
    progress.waiting("for nobody")
    ticks = [progress.read(line) for line in said]
    assert ticks == [Tick("augment", 0, 4, "images", "waiting for a CPU"), Tick("augment", 4, 4, "images", "")]
