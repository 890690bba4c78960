"""Execute requests leave in the order of the calls, and a run when no earlier one is inside."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conkernelclient.state.window import Call, Entry, Window


def entry(**kind: object) -> Entry:
    return Call(lambda: None, lambda _: None, **kind)  # type: ignore[arg-type]


def run(**kind: object) -> Entry:
    return entry(is_run=True, **kind)


def test_an_execute_leaves_at_once() -> None:
    """Unless runs wait before it."""
    window = Window()
    first, second = entry(), entry()
    assert window.submit(first) == [first]
    assert window.submit(second) == [second]


def test_a_run_leaves_when_no_earlier_run_is_inside() -> None:
    """And what waits behind it leaves with it, up to the next run."""
    window = Window()
    one, two, three, plain = run(), run(), run(), entry()
    assert window.submit(one) == [one]
    assert window.submit(two) == []
    assert window.submit(plain) == []
    assert window.submit(three) == []
    assert window.ahead_of(two) is one
    assert window.done(one) == [two, plain]
    assert window.done(one) == []
    assert window.done(two) == [three]


def test_each_shell_has_a_lane_of_its_own() -> None:
    """A subshell is not held up by the main shell."""
    window = Window()
    main, sub = run(), run(lane="s")
    assert window.submit(main) == [main]
    assert window.submit(sub) == [sub]


def test_what_is_withdrawn_never_leaves() -> None:
    """And lets pass what stood behind it."""
    window = Window()
    inside, waiting, plain = run(), run(), entry()
    window.submit(inside)
    window.submit(waiting)
    window.submit(plain)
    assert window.withdraw(waiting) == (True, [plain])
    assert window.withdraw(waiting) == (False, [])
    assert window.withdraw(inside) == (False, [])
    assert window.done(inside) == []


def test_without_a_limit_all_leave_at_once() -> None:
    """As with kernels that run cells at the same time."""
    window = Window(None)
    runs = [run() for _ in range(3)]
    assert [window.submit(one) for one in runs] == [[one] for one in runs]
    wide = Window(2)
    assert [bool(wide.submit(one)) for one in runs] == [True, True, False]


def test_runs_that_answer_questions_are_inside_one_at_a_time() -> None:
    """Over all shells: the kernel's stdin socket is one, and answers carry no address."""
    window = Window()
    main = run(answers_questions=True)
    sub = run(lane="s", answers_questions=True)
    other = run(lane="t")
    assert window.submit(main) == [main]
    assert window.submit(sub) == []
    assert window.ahead_of(sub) is main
    assert window.submit(other) == [other]
    assert window.done(main) == [sub]


def test_while_it_is_held_nothing_leaves_and_then_all_in_order() -> None:
    """As while a kernel is being restarted."""
    window = Window()
    one, two = run(), Call(lambda: None, lambda _: None)
    window.pause()
    assert window.submit(one) == []
    assert window.submit(two) == []
    assert window.resume() == [one, two]


def test_drain_gives_what_had_not_left() -> None:
    """And what is inside is forgotten."""
    window = Window()
    one, two, three = run(), run(), entry()
    for each in (one, two, three):
        window.submit(each)
    assert window.drain() == [two, three]
    assert window.done(one) == []
    assert window.submit(two) == [two]


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([None, "s"])), max_size=20),
    st.lists(st.integers(0, 100), max_size=60),
    st.sampled_from([1, 2, None]),
)
def test_everything_leaves_once_and_in_order(
    kinds: list[tuple[bool, str | None]], picks: list[int], limit: int | None
) -> None:
    """Whatever ends or is withdrawn in between."""
    window = Window(limit)
    entries = [entry(is_run=is_run, lane=shell) for is_run, shell in kinds]
    left: list[Entry] = []
    gone: set[int] = set()
    for one in entries:
        left += window.submit(one)
    for pick in picks:
        if not entries:
            break
        chosen = entries[pick % len(entries)]
        if pick % 2:
            was_waiting, leaving = window.withdraw(chosen)
            assert was_waiting == (chosen not in left and id(chosen) not in gone)
            gone |= {id(chosen)} if was_waiting else set()
            left += leaving
        elif chosen in left:
            left += window.done(chosen)
        if limit is not None:
            inside = [sum(e in lane.inside for e in entries) for lane in window._lanes.values()]
            assert all(count <= limit for count in inside)
    for one in entries:
        left += window.done(one)
    wanted = [one for one in entries if id(one) not in gone]
    for shell in (None, "s"):
        assert [e for e in left if e.lane == shell] == [e for e in wanted if e.lane == shell]
    assert set(window._lanes) <= {None}  # the main shell's stays
    assert not any(lane.waiting or lane.inside for lane in window._lanes.values())


def test_a_third_run_with_questions_waits_while_one_is_inside() -> None:
    """When the first of two inside ended, nobody was remembered as answering."""

    def run(shell: str | None) -> Entry:
        return Call(lambda: None, lambda _: None, shell, is_run=True, answers_questions=True)

    window = Window(2)
    first, second, third = run(None), run(None), run("s")
    assert [window.submit(one) for one in (first, second, third)] == [[first], [second], []]
    assert window.done(first) == []
    assert window.done(second) == [third]


def test_what_was_paused_has_a_time_and_can_be_taken_back() -> None:
    """By the clock of whoever asks; the rest stays in order."""
    window = Window()
    window.pause()
    soon, later, withdrawn, other = entry(), run(), entry(), entry(takes_turn=False)
    for one, until in ((soon, 1.0), (later, 2.0), (withdrawn, 5.0), (other, 5.0)):
        assert window.submit(one, until) == []
    assert window.withdraw(withdrawn) == (True, [])
    assert window.expire(0.5) == []
    assert window.expire(1.0) == [soon]
    assert list(window.paused) == [later, other]
    assert window.drain_paused(executes_only=True) == [later]
    assert window.drain_paused() == [other]
    assert window.resume() == []


def test_while_it_is_paused_nothing_enters_in_the_place_of_what_ends() -> None:
    """It does afterwards."""
    window = Window()
    inside, waiting = run(), run()
    assert window.submit(inside) == [inside]
    assert window.submit(waiting) == []
    window.pause()
    assert window.done(inside) == []
    assert window.resume() == [waiting]


def test_requests_are_taken_out_wherever_they_are() -> None:
    """Paused, waiting, or inside; what may enter in their place does, unless it is one of them."""
    window = Window()
    inside, taken, behind, sub = (
        run(msg_id="inside"),
        run(msg_id="taken"),
        run(msg_id="behind"),
        run(msg_id="sub", lane="s"),
    )
    for one in (inside, taken, behind, sub):
        window.submit(one)
    window.pause()
    paused = entry(msg_id="paused")
    window.submit(paused)
    window.is_paused = False
    assert window.take_out({"inside", "taken", "paused", "sub"}) == [behind]
    assert not window.paused
    assert window.ahead_of(sub) is None
    assert window.done(behind) == []


def test_an_entry_does_what_it_was_made_for() -> None:
    """What was not asked for does nothing."""
    did: list[object] = []
    error = ValueError("x")
    call = Call(lambda: did.append("sent"), did.append, on_resume=lambda: did.append("resumed"))
    call.send()
    call.fail(error)
    call.resumed()
    assert did == ["sent", error, "resumed"]
    Call(lambda: None, did.append).resumed()
    assert len(did) == 3
