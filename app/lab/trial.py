"""One claim on one site: what becomes of it, whatever goes wrong there."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from app.lab.claim import CannotApply, Claim, Finding, Skipped, Verdict
from app.lab.reports.report import Result
from app.lab.subject.evidence import Evidence
from app.lab.subject.site import Site


def try_on(
    site: AbstractContextManager[Site], claim: Claim, subject: str, expected: Verdict | None
) -> Result:
    """Open the site, try the claim there, and close it.

    Opening may raise `CannotApply` and `Skipped`, as the experiment may.
    """
    begun = time.perf_counter()
    try:
        verdict, finding, evidence = _find_out(site, claim)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        verdict, finding, evidence = Verdict.ERROR, Finding(False, "", reason), Evidence()
    seconds = time.perf_counter() - begun
    return Result(
        claim.id, subject, verdict, expected, finding.figure, finding.because, seconds, evidence
    )


def _find_out(
    site: AbstractContextManager[Site], claim: Claim
) -> tuple[Verdict, Finding, Evidence]:
    evidence: Callable[[], Evidence] = Evidence
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(site)
            evidence = opened.recorder.evidence
            finding = claim.experiment(opened)
            opened.look_at_the_end()
            verdict = Verdict.HOLDS if finding.holds else Verdict.FAILS
        except CannotApply as reason:
            verdict, finding = Verdict.CANNOT_APPLY, Finding(False, "", str(reason))
        except Skipped as reason:
            verdict, finding = Verdict.SKIPPED, Finding(False, "", str(reason))
        return verdict, finding, evidence()
