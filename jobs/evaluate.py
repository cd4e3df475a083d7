"""An evaluation of files as a Ray job: `ray job submit --working-dir . -- python -m jobs.evaluate --real s3://...`.

Takes the options of `ss-ray evaluate`, and ends with its exit codes.
"""

import sys

from ss_ray.cli.main import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])
