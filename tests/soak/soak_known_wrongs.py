"""Every claim on every known wrong: a defect turns only the claims it names.

An experiment that turns where it should not looks at more than its claim; one that does not turn
where it should looks at less. `make soak` runs this; `make test` does not collect it.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from app.lab.claim import Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.report import Result
from app.lab.runs.pool import Crashed, run_in_processes
from app.lab.runs.runner import EXPERIMENT_TIMEOUT_SECONDS
from backends import Backend
from tests.lab.known_wrongs.wrong import Wrong, try_breaking, try_keeping
from tests.lab.test_known_wrongs import WRONGS
from tests.soak.conftest import Say
from tests.support.services import require


class Trial(NamedTuple):
    """A task for a process, by names: neither a claim nor a backend can be pickled."""

    wrong: str
    breaking: bool
    claim: str


Found = dict[str, Result | Crashed]
"""The outcome of each claim on one subject."""


def test_each_defect_turns_what_it_says_and_nothing_else(say: Say) -> None:
    require("redis-server", "redis-server")
    found = _try_all()
    sound = {backend: found[wrong, False] for backend, wrong in _find_sound_backends().items()}
    mistakes = [
        mistake
        for name, wrong in WRONGS.items()
        for mistake in _mistakes(name, wrong, sound[wrong.keeps], found[name, True])
    ]
    turned = sum(1 + len(wrong.breaks_too) for wrong in WRONGS.values())
    say("known wrongs", subjects=len(found), trials=len(found) * len(CLAIMS), to_turn=turned)
    assert not mistakes, "\n".join(["", *mistakes])


def _try_all() -> dict[tuple[str, bool], Found]:
    subjects = [(name, True) for name in WRONGS]
    subjects += [(name, False) for name in _find_sound_backends().values()]
    trials = [Trial(*subject, claim) for subject in subjects for claim in CLAIMS]
    found: dict[tuple[str, bool], Found] = defaultdict(dict)
    for trial, outcome in run_in_processes(
        _try, trials, os.cpu_count() or 1, EXPERIMENT_TIMEOUT_SECONDS
    ):
        found[trial.wrong, trial.breaking][trial.claim] = outcome
    return found


def _find_sound_backends() -> dict[Backend, str]:
    return {wrong.keeps: name for name, wrong in WRONGS.items()}


def _try(trial: Trial) -> Result:
    attempt = try_breaking if trial.breaking else try_keeping
    return attempt(WRONGS[trial.wrong], CLAIMS[trial.claim], real_redis=True)


def _mistakes(name: str, wrong: Wrong, sound: Found, broken: Found) -> Iterator[str]:
    for claim in CLAIMS:
        to_turn = claim == name or claim in wrong.breaks_too
        before, after = _verdict(sound[claim]), _verdict(broken[claim])
        wanted = Verdict.FAILS if to_turn else before
        if after is not wanted or (to_turn and before is not Verdict.HOLDS):
            reason = getattr(broken[claim], "because", "") or broken[claim]
            yield f"the wrong of {name}, {claim}: {before} became {after}: {reason}"


def _verdict(outcome: Result | Crashed) -> Verdict:
    return Verdict.ERROR if isinstance(outcome, Crashed) else outcome.verdict
