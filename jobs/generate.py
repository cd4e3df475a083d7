"""New rows from a finished run as a Ray job: `ray job submit --working-dir . -- python -m jobs.generate --model s3://...`.

Takes the options of `ss-ray generate`, and ends with its exit codes.
"""

import sys

from ss_ray.cli.main import main

if __name__ == "__main__":
    main(["generate", *sys.argv[1:]])
