"""Deliberate faults: each a small substitution in the engine's text, and the rule it breaks (design.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """`old` stands exactly once below functions/skydag, and becomes `new`. seed: one that catches it, tried first.
    is_of_resume: it takes attempts that take over from others (resumed.py)."""

    name: str
    rule: str
    old: str
    new: str
    seed: int = 0
    is_of_resume: bool = False


MUTANTS: Final = (
    Mutant(name="claim without run number", rule="1: exactly the previous run must have asked for it",
           old='Is("run", leaf.run - 1)', new='Is("k", "l")'),
    Mutant(name="first claim without condition", rule="1: nobody may have run it before",
           old="nobody_ran_it if leaf.run == 1 else previous_asks",
           new="Missing('nothing') if leaf.run == 1 else previous_asks"),
    Mutant(name="result without fence", rule="1: a result needs the same run",
           old='is_my_run = All((Is("run", leaf.run), Is("tok", leaf.token), Is("st", "r")))',
           new='is_my_run = All((Is("k", "l"),))'),
    Mutant(name="result after a kill", seed=12, rule="E-71: its success or failure is lost",
           old='nobody_killed_it = Missing("xc")', new='nobody_killed_it = Missing("nothing")'),
    Mutant(name="group written from a stale read", seed=32, rule="2: every group write is conditional on its version",
           old='is_still_that = Is("v", before.version)', new='is_still_that = Is("k", "g")'),
    Mutant(name="lost race taken for a won one", rule="2: a group that moved on is read again",
           old="            return items.group_from(found)\n        return None",
           new="            return None\n        return None"),
    Mutant(name="old try's report taken for the new one's", rule="3: reports carry the generation",
           old="if report.generation != group.generation or not", new="if not"),
    Mutant(name="duplicate forgotten", rule="5: whoever finds his report counted does again what is missing",
           old="if group.done & bit or done & bit:\n            is_stale = True",
           new="if group.done & bit or done & bit:\n            is_stale = False"),
    Mutant(name="unconfirmed not done again", seed=13, rule="5: all that is unconfirmed is handed over again",
           old="group.unconfirmed & group.in_progress, now, is_repeat=True)", new="0, now, is_repeat=True)"),
    Mutant(name="unconfirmed cleared by anybody", seed=321, rule="5: only who handed over clears it",
           old="unconfirmed=after.unconfirmed & ~(handed & before.unconfirmed))",
           new="unconfirmed=after.unconfirmed & ~before.unconfirmed)"),
    Mutant(name="acted before the write", seed=368, rule="4: the group is written first",
           old="            written, found = self.groups.write(group, after, now, _act(after, is_direct))\n",
           new="            self._hand_over(attempt, page, after, after.unconfirmed & ~group.unconfirmed, now)\n"
               "            written, found = self.groups.write(group, after, now, _act(after, is_direct))\n"),
    Mutant(name="failed record acknowledged", seed=21, rule="4: a record is acknowledged after all its effects",
           old="failed.extend(record.id for record in part)", new="pass"),
    Mutant(name="effects lost between result and its act", rule="F-4: what calls for action is visible in the table",
           old="act = SAFETY if goes_on else ACT", new='act = SAFETY if goes_on else "n"'),
    Mutant(name="retry counted twice", rule="E-50: limit retries", old="retry_count=group.retry_count + 1",
           new="retry_count=group.retry_count + 2"),
    Mutant(name="retry of a generator counted twice", seed=13, rule="E-51, E-59: one counter, raised by one",
           old='"retry_count": leaf.retry_count + 1})\n            found',
           new='"retry_count": leaf.retry_count + 2})\n            found'),
    Mutant(name="timer taken as truth", rule="A-116: the item holds the due time",
           old="if leaf.retry_at is not None and leaf.retry_at > now:",
           new="if leaf.retry_at is not None and leaf.retry_at > now and not is_repeat:"),
    Mutant(name="generated group not redone", seed=19, rule="7: a group that is there already is looked at",
           old="return self._look(attempt, leaf.path, now, there) if there.generation == leaf.run else []",
           new="return []"),
    Mutant(name="born group not redone", seed=491, rule="7: creating a group that is there means redoing its effects",
           old="            return self._look(attempt, new.path, now, None)\n", new="            return []\n"),
    Mutant(name="cancel misses an unborn leaf", rule="8: kill reaches started children without an item",
           old="found = self._tasks.cancel_unborn(unborn)", new="return []"),
    Mutant(name="flagged group starts children", rule="8: a flagged group starts nothing",
           old="    if after.is_cancel_requested:\n        after = _canceled(page, after, known)\n    elif",
           new="    if"),
    Mutant(name="kill not passed down beside news", rule="8, 5: also when the batch holds news",
           old="if after.is_cancel_requested and not after.is_done: #", new="if False: #"),
    Mutant(name="stores in the wrong order", seed=33, rule="G-6: composed in tree order",
           old="for ordinal in sorted(segment.stores):", new="for ordinal in sorted(segment.stores, reverse=True):"),
    Mutant(name="wrong bit in a batch", seed=199, rule="L-73: a task sees its upstreams' stores and no other's",
           old="return bits.below(ordinal // int(self.order[1:]) * int(self.order[1:]))",
           new="return bits.below(ordinal)"),
    Mutant(name="earlier tries forgotten", seed=177, rule="E-54: tasks after a group see the stores of all tries",
           old="carry=group.generation + 1", new="carry=0"),
    Mutant(name="lost call not found", rule="design.md section 4: watch is the last resort",
           old="for shard in range(DUE_SHARDS):", new="for shard in range(0):"),
    Mutant(name="release that loses to a kill gives up", seed=255, rule="E-71: a flagged run ends canceled",
           old="                self.lost(attempt_id, path, run, token, reason, now, is_crash=is_crash, seat=seat)\n",
           new="                pass\n"),
    Mutant(name="news hide what is missing", rule="5: also when the batch holds news besides",
           old="work.setdefault(parsed.path, []).append(LOOK)", new="work.setdefault(parsed.path, [])"),
    Mutant(name="confirmed before its reports were told", seed=40_192, rule="5: what it leaves to do counts, too",
           old="handed_over(group, confirmed)", new="handed_over(group, children)"),
    Mutant(name="a retried group takes old results over", rule="E-52: a group that is tried again runs as a whole",
           seed=15, is_of_resume=True,
           old="    return not any(generations)\n", new="    return True\n"),
    Mutant(name="taken over without its stores", rule="E-113: what a resumed task had stored is seen as before",
           is_of_resume=True,
           old="            self._flow.keep(page, group, part)\n", new=""),
    Mutant(name="trouble of the table fails the task", seed=27, rule="E-130: what is not the task's fault is repeated",
           old="        except UnavailableError:                # the services' trouble is not the task's: the run is "
               "lost, and repeated\n            raise\n", new=""),
    Mutant(name="fused result over a fence", rule="9: a fused result is put only if nothing is there",
           old="nobody_fenced_me = Absent()", new='nobody_fenced_me = Missing("nothing")'),
    Mutant(name="silent owner waited for", rule="9, G-5: an owner that says nothing for long is taken for dead",
           old="age < OWNER_PATIENCE and not", new="not"),
    Mutant(name="fused task recorded as if it were claimed", rule="9: no claim is needed",
           old="self._tasks.record_first(leaf, act) if run.is_fused else", new=""),
)
