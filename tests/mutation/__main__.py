"""`python -m tests.mutation [WORD]`: every named fault of the privacy code must make a test fail.

Ends with 1 where a fault survives, where its tests cannot be run, or where they fail without it.
"""

from __future__ import annotations

import os
import sys
import time

from tests.mutation.faults import FAULTS, UNCHANGED
from tests.mutation.gate import KILLED, SURVIVED, run_mutations


def main() -> int:
    """Run the gate on all faults, or on those whose name holds a word."""
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [fault for fault in FAULTS if word in fault.name]
    started, wrong = time.monotonic(), 0
    for outcome in run_mutations([UNCHANGED, *chosen], processes=os.cpu_count() or 1):
        expected = SURVIVED if outcome.name == UNCHANGED.name else KILLED
        is_right = outcome.code == expected
        print(f"{'ok' if is_right else 'WRONG':<6}{outcome.seconds:6.1f} s  {outcome.name}", flush=True)
        if not is_right:
            wrong += 1
            print(outcome.output[-4000:])
    print(f"{len(chosen)} faults, {wrong} of which were not found as they must be; {time.monotonic() - started:.0f} s")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
