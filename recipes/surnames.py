"""Build the list of surnames that ships with the package: the most frequent ones of the census of the United States.

    python -m recipes.surnames

The census list of 1990 is in the public domain; the package `names` has it.
"""

from __future__ import annotations

import lzma
import re
from importlib import resources
from pathlib import Path

from ss_ray.pii.stand_ins.lexicon import SURNAMES_FILE

MOST_SURNAMES = 15_000


def main() -> None:
    """Write the file of surnames into the package, one a line."""
    listed = resources.files("names").joinpath("dist.all.last").read_text().split("\n")[:MOST_SURNAMES]
    surnames = sorted({_write_name(line.split()[0]) for line in listed if line})
    target = Path(str(resources.files("ss_ray.pii.stand_ins"))) / SURNAMES_FILE
    target.write_bytes(lzma.compress("\n".join(surnames).encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{target}: {target.stat().st_size:,} bytes, {len(surnames):,} surnames")


def _write_name(capitals: str) -> str:
    """A name in the case of names: "McDonald" for "MCDONALD"."""
    return re.sub(r"^Mc([a-z])", lambda found: f"Mc{found[1].upper()}", capitals.capitalize())


if __name__ == "__main__":
    main()
