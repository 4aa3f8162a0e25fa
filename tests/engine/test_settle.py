"""How a group decides: engine.md sections 4, 8, 9 and 10 as tables (scenario.py says how to read them)."""

from __future__ import annotations

from tests.engine.scenario import check, page_of

from skydag.engine.group import number_of

CHAIN = "+a: {echo>: 1}\n+b: {echo>: 1}\n+c: {echo>: 1}\n"
SIDE_BY_SIDE = "_parallel: true\n" + CHAIN
BATCHES = "_parallel: {limit: 2}\n" + CHAIN + "+d: {echo>: 1}\n+e: {echo>: 1}\n"
AFTER = "_parallel: true\n+a: {echo>: 1}\n+b: {echo>: 1}\n+c: {_after: [+a], echo>: 1}\n" \
        "+d: {_after: [+b, +c], echo>: 1}\n"
BACKGROUND = "+a: {echo>: 1}\n+b: {echo>: 1}\n+c: {_background: true, echo>: 1}\n+d: {echo>: 1}\n"


def test_a_sequence_starts_one_after_another_L_59() -> None:
    check(CHAIN, """
        begin               planned             starts +a
        +a success          planned             starts +b
        +b success          planned             starts +c
        +c success          success
    """)


def test_a_failed_task_fails_its_parent_and_leaves_the_next_blocked_E_23() -> None:
    check(CHAIN, """
        begin               planned             starts +a
        +a success          planned             starts +b
        +b failed           group_error
    """)


def test_a_failed_task_stops_none_of_its_siblings_E_23() -> None:
    check(SIDE_BY_SIDE, """
        begin               planned             starts +a +b +c
        +b failed           planned
        +a success          planned
        +c success          group_error
    """)


def test_one_batch_of_reports_is_one_decision() -> None:
    check(SIDE_BY_SIDE, """
        begin                                   planned  starts +a +b +c
        +c success,+a success,+b success        success
    """)


def test_a_batch_waits_for_all_of_the_one_before_D_41() -> None:
    check(BATCHES, """
        begin               planned             starts +a +b
        +b success          planned
        +a success          planned             starts +c +d
        +d success          planned
        +c success          planned             starts +e
        +e success          success
    """)


def test_after_waits_for_those_it_names_L_61() -> None:
    check(AFTER, """
        begin               planned             starts +a +b
        +a success          planned             starts +c
        +c success          planned
        +b success          planned             starts +d
        +d success          success
    """)


def test_a_background_task_waits_for_nobody_and_the_next_waits_for_both_D_40() -> None:
    check(BACKGROUND, """
        begin               planned             starts +a +c
        +a success          planned             starts +b
        +c success          planned
        +b success          planned             starts +d
        +d success          success
    """)


def test_what_depends_on_a_failure_stays_blocked_and_the_rest_goes_on() -> None:
    check(AFTER, """
        begin               planned             starts +a +b
        +a failed           planned
        +b success          group_error
    """)


def test_an_empty_group_succeeds_at_once() -> None:
    check("", "begin  success")


# --- repeats ---------------------------------------------------------------------------------------------------------

def test_a_report_that_is_already_counted_changes_nothing_and_asks_for_what_is_missing_rule_5() -> None:
    check(CHAIN, """
        begin               planned             starts +a
        +a success          planned             starts +b
        +a success          planned             again
        +b failed           group_error
        +b failed           group_error         again
        +b success          group_error         again
    """)


def test_a_repeat_beside_news_is_seen_too_rule_5() -> None:
    check(CHAIN, """
        begin                       planned     starts +a
        +a success                  planned     starts +b
        +a success,+b success       planned     starts +c     again
    """)


def test_a_report_twice_in_one_batch_counts_once() -> None:
    check(SIDE_BY_SIDE, """
        begin                       planned     starts +a +b +c
        +a success,+a success       planned     again
    """)


def test_a_report_of_a_child_that_never_started_changes_nothing_E_22() -> None:
    check(CHAIN, """
        begin               planned             starts +a
        +c success          planned             again
    """)


def test_unconfirmed_is_what_started_and_has_not_ended() -> None:
    group = check(SIDE_BY_SIDE, """
        begin               planned             starts +a +b +c
        +b success          planned
    """)
    assert group.unconfirmed == 0b101


# --- retries ---------------------------------------------------------------------------------------------------------

def test_a_group_waits_and_then_runs_as_a_whole_again_E_50_E_52() -> None:
    group = check("_retry: {limit: 1, interval: 10}\n" + CHAIN, """
        begin               planned                 starts +a
        +a success          planned                 starts +b
        +b failed           group_retry_waiting
        wait 9              group_retry_waiting
        wait 1              planned                 starts +a
        +a success          planned                 starts +b
        +b failed           group_error
    """)
    assert (group.generation, group.retry_count, group.carry, group.base) == (1, 1, 1, 100)


def test_a_late_report_of_the_try_before_changes_nothing_rule_3() -> None:
    check("_retry: 1\n" + CHAIN, """
        begin               planned                 starts +a
        +a failed           group_retry_waiting
        wait 0              planned                 starts +a
        old +a success      planned                 again
        +a success          planned                 starts +b
    """)


def test_error_tasks_come_after_the_last_try_E_50() -> None:
    check("_retry: 1\n_error: {echo>: x}\n+a: {echo>: 1}\n", """
        begin               planned                 starts +a
        +a failed           group_retry_waiting
        wait 0              planned                 starts +a
        +a failed           planned                 starts ^error
        ^error success      group_error
    """)


def test_waits_double_when_exponential_D_62() -> None:
    check("_retry: {limit: 2, interval: 3, interval_type: EXPONENTIAL}\n+a: {echo>: 1}\n", """
        begin               planned                 starts +a
        +a failed           group_retry_waiting
        wait 3              planned                 starts +a
        +a failed           group_retry_waiting
        wait 5              group_retry_waiting
        wait 1              planned                 starts +a
    """)


def test_a_malformed_retry_of_a_group_means_none_L_111() -> None:
    check("_retry: abc\n+a: {echo>: 1}\n", """
        begin               planned                 starts +a
        +a failed           group_error
    """)


# --- errors ----------------------------------------------------------------------------------------------------------

def test_a_failed_error_task_changes_nothing_E_62() -> None:
    check("_error: {echo>: x}\n+a: {echo>: 1}\n", """
        begin               planned                 starts +a
        +a failed           planned                 starts ^error
        ^error failed       group_error
    """)


def test_the_root_alerts_beside_its_error_task_E_64() -> None:
    check("_error: {echo>: x}\n+a: {echo>: 1}\n", """
        begin                       planned         starts +a
        +a failed                   planned         starts ^error ^failure-alert
        ^failure-alert success      planned
        ^error success              group_error
    """, is_root=True)


def test_the_alert_is_sent_although_the_error_task_exceeds_the_limit_K_20() -> None:
    check("_error: {echo>: x}\n+a: {echo>: 1}\n", """
        begin                       planned         starts +a
        +a failed                   planned         starts ^failure-alert
        ^failure-alert success      group_error
    """, is_root=True, limit_reached=True)


def test_without_room_for_its_error_task_a_group_fails_at_once_E_65() -> None:
    check("_error: {echo>: x}\n+a: {echo>: 1}\n", """
        begin               planned                 starts +a
        +a failed           group_error
    """, limit_reached=True)


# --- kill ------------------------------------------------------------------------------------------------------------

def test_a_killed_group_starts_nothing_and_ends_when_its_children_have_E_74() -> None:
    check(CHAIN, """
        begin               planned                 starts +a
        kill                planned
        +a canceled         canceled
    """)


def test_a_leaf_that_would_start_is_canceled_and_those_behind_it_stay_blocked_E_73() -> None:
    group = check(CHAIN, """
        begin               planned                 starts +a
        +a success          planned                 starts +b
        kill                planned
        +b success          canceled
    """)
    assert group.canceled == 0b100


def test_a_group_that_would_start_is_born_to_be_canceled_E_73() -> None:
    check("+a: {echo>: 1}\n+h: {+x: {echo>: 1}}\n+c: {echo>: 1}\n", """
        begin               planned                 starts +a
        kill                planned
        +a success          planned                 starts +h
        +h canceled         canceled
    """)


def test_a_kill_ends_a_wait_at_once_K_4() -> None:
    check("_retry: {limit: 3, interval: 60}\n+a: {echo>: 1}\n", """
        begin               planned                 starts +a
        +a failed           group_retry_waiting
        kill                canceled
    """)


def test_a_killed_group_runs_no_error_task_E_66() -> None:
    check("_error: {echo>: x}\n+a: {echo>: 1}\n", """
        begin               planned                 starts +a
        kill                planned
        +a failed           canceled
    """)


def test_a_kill_in_the_error_phase_ends_canceled_T18() -> None:
    check("_error: {echo>: x}\n+a: {echo>: 1}\n", """
        begin               planned                 starts +a
        +a failed           planned                 starts ^error
        kill                planned
        ^error canceled     canceled
    """)


# --- SLA -------------------------------------------------------------------------------------------------------------

def test_the_root_waits_for_its_sla_tasks_and_fails_with_them_S_94() -> None:
    check("+a: {echo>: 1}\n", """
        begin               planned                 starts +a
        sla                 planned                 starts ^sla^alert ^sla
        +a success          planned
        ^sla^alert success  planned
        ^sla failed         planned                 starts ^failure-alert
    """, is_root=True)


def test_a_new_try_waits_for_sla_tasks_and_starts_them_no_more_S_94() -> None:
    group = check("_retry: 1\n+a: {echo>: 1}\n", """
        begin               planned                 starts +a
        sla                 planned                 starts ^sla^alert ^sla
        +a failed           planned
        ^sla success        planned
        ^sla^alert success  group_retry_waiting
        wait 0              planned                 starts +a
        +a success          success
    """, is_root=True)
    assert set(group.slots.values()) == {0}


def test_sla_tasks_that_run_while_the_root_waits_hold_up_the_next_try_E_81() -> None:
    check("_retry: {limit: 1, interval: 5}\n+a: {echo>: 1}\n", """
        begin               planned                 starts +a
        +a failed           group_retry_waiting
        sla                 group_retry_waiting     starts ^sla^alert ^sla
        wait 5              group_retry_waiting
        ^sla^alert success  group_retry_waiting
        ^sla success        planned                 starts +a
        +a success          success
    """, is_root=True)


def test_a_kill_while_the_root_waits_lets_its_sla_tasks_end_first_E_81() -> None:
    check("_retry: {limit: 1, interval: 5}\n+a: {echo>: 1}\n", """
        begin               planned                 starts +a
        +a failed           group_retry_waiting
        sla                 group_retry_waiting     starts ^sla^alert ^sla
        kill                planned
        ^sla^alert success  planned
        ^sla canceled       canceled
    """, is_root=True)


# --- wide groups -----------------------------------------------------------------------------------------------------

def test_more_than_250_parallel_children_are_chunks_with_one_error_task_for_all() -> None:
    page = page_of("_parallel: true\n_error: {echo>: x}\n" + "".join(f"+t{n}: {{echo>: 1}}\n" for n in range(600)))
    assert [child.is_chunk for child in page.children] == [True] * 3
    assert [child.size for child in page.children] == [250, 250, 100]
    assert [child.offset for child in page.children] == [0, 250, 500]
    assert list(page.slots) == [0]


def test_numbers_follow_the_order_of_compilation_E_6() -> None:
    page = page_of("+a: {echo>: 1}\n+h: {+x: {echo>: 1}, +y: {echo>: 1}}\n+c: {echo>: 1}\n")
    group = check("+a: {echo>: 1}\n+h: {+x: {echo>: 1}, +y: {echo>: 1}}\n+c: {echo>: 1}\n", "begin  planned  starts +a")
    assert [number_of(page, group, ordinal) for ordinal in range(3)] == [2, 3, 6]
