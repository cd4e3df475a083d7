"""The pipeline as a Ray job: `ray job submit --working-dir . -- python -m jobs.run --data s3://... --out s3://...`.

Takes the options of `ss-ray run`, and ends with its exit codes.
"""

import sys

from ss_ray.cli.main import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
