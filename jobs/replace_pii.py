"""Replacement of personal data as a Ray job: `ray job submit --working-dir . -- python -m jobs.replace_pii --data ...`.

Takes the options of `ss-ray replace-pii`, and ends with its exit codes.
"""

import sys

from ss_ray.cli.main import main

if __name__ == "__main__":
    main(["replace-pii", *sys.argv[1:]])
